/**
 * A source with everything blanked that is not code: the insides of comments, strings and regular expressions.
 * Every place keeps its offset, so that what a search finds in the one can be read in the other.
 */
export interface Blanked {
  readonly code: string;
  /** Offsets at which a comment begins. */
  readonly comments: readonly number[];
}

interface Token {
  readonly kind: "comment" | "text" | "regex";
  readonly pattern: RegExp;
}

const tokens: readonly Token[] = [
  { kind: "comment", pattern: /\/\/[^\n]*|\/\*[\s\S]*?\*\//y },
  { kind: "text", pattern: /"(?:\\[\s\S]|[^"\\\n])*"|'(?:\\[\s\S]|[^'\\\n])*'/y },
  { kind: "regex", pattern: /\/(?![/*])(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\[\n])+\/[a-z]*/y },
];

/** A slash divides after a value and begins a regular expression after anything else. */
const endsWithValue = /(?:[\w$)\]}"'`])\s*$/;
const endsWithKeyword = /\b(?:return|typeof|case|in|of|delete|void|throw|await|yield)\s*$/;

export function blank(source: string): Blanked {
  const code: string[] = [];
  const comments: number[] = [];
  /** For each template we are in, how many braces are open in its placeholder. */
  const templates: number[] = [];
  let at = 0;
  const copy = (length: number) => {
    code.push(source.slice(at, at + length));
    at += length;
  };
  const erase = (length: number) => {
    code.push(source.slice(at, at + length).replaceAll(/[^\n]/g, " "));
    at += length;
  };
  const eraseTemplate = () => {
    const piece = /(?:\\[\s\S]|\$(?!\{)|[^\\`$])*/y;
    piece.lastIndex = at;
    erase(piece.exec(source)?.[0].length ?? 0);
    if (source[at] === "`") copy(1);
    else if (source.startsWith("${", at)) {
      copy(2);
      templates.push(0);
    } else at = source.length;
  };
  while (at < source.length) {
    const token = tokenAt(source, { at, before: () => code.slice(-40).join("").slice(-40) });
    const depth = templates.at(-1);
    const letter = source[at];
    if (token !== null) {
      if (token.kind === "comment") comments.push(at);
      if (token.kind === "comment") erase(token.length);
      else {
        copy(1);
        erase(token.length - 2);
        copy(1);
      }
    } else if (letter === "`") {
      copy(1);
      eraseTemplate();
    } else if (depth === 0 && letter === "}") {
      templates.pop();
      copy(1);
      eraseTemplate();
    } else {
      if (depth !== undefined && letter === "{") templates[templates.length - 1] = depth + 1;
      if (depth !== undefined && letter === "}") templates[templates.length - 1] = depth - 1;
      copy(1);
    }
  }
  return { code: code.join(""), comments };
}

function tokenAt(
  source: string,
  { at, before }: { at: number; before: () => string },
): { kind: Token["kind"]; length: number } | null {
  if (!`/"'`.includes(source[at] ?? " ")) return null;
  for (const { kind, pattern } of tokens) {
    pattern.lastIndex = at;
    const length = pattern.exec(source)?.[0].length;
    if (length === undefined) continue;
    if (kind !== "regex") return { kind, length };
    const left = before();
    return endsWithValue.test(left) && !endsWithKeyword.test(left) ? null : { kind, length };
  }
  return null;
}

/** The line of an offset, counted from 1. */
export function lineAt(source: string, offset: number): number {
  return source.slice(0, offset).split("\n").length;
}
