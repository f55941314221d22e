/** How the tests read the documents: headings, fenced blocks, links and tables. */

export interface Block {
  readonly language: string;
  readonly text: string;
}

/** The part under a heading of the second level, without the heading; empty where there is none. */
export function partOf(document: string, title: string): string {
  return document.split(`\n## ${title}\n`)[1]?.split(/^## /m)[0] ?? "";
}

export function blocksOf(document: string): Block[] {
  return [...document.matchAll(/^```(\w*)\n([\s\S]*?)^```$/gm)].map(([, language = "", text = ""]) => ({
    language,
    text,
  }));
}

/** Where the links of a document lead that stay within the project. */
export function linksOf(document: string): string[] {
  return [...document.matchAll(/\]\(([^)\s]+)\)/g)]
    .map(([, target = ""]) => target.replace(/#.*$/, ""))
    .filter((target) => target !== "" && !/^[a-z]+:/.test(target));
}

/** The cells of all rows of all tables, without their headings. */
export function rowsOf(document: string): string[][] {
  const rows = [...document.matchAll(/^\|(.*)\|$/gm)].map(([, row = ""]) =>
    row.split("|").map((cell) => cell.trim()),
  );
  return rows.filter((cells, index) => !isRule(cells) && !isRule(rows[index + 1] ?? []));
}

function isRule(cells: readonly string[]): boolean {
  return cells.length > 0 && cells.every((cell) => /^:?-+:?$/.test(cell));
}

/** The words in backticks of a text. */
export function codeOf(text: string): string[] {
  return [...text.matchAll(/`([^`]+)`/g)].map(([, words = ""]) => words);
}
