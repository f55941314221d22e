import { blank, lineAt } from "./blank.ts";

/** One way in which a file reaches for another: an import, a re-export, a dynamic import. */
export interface Reach {
  /** Null where it is computed, so that nobody can tell. */
  readonly specifier: string | null;
  /** True where Node loads nothing: `import type`, `export type`, a type's `import("…")`. */
  readonly typeOnly: boolean;
  readonly line: number;
}

const statement =
  /(?:^|[;}\n])\s*(import|export)\b(?!\s*[(.])(\s+type\b(?!\s*(?:from\b|,)))?([^;"'=()]*?)(["'])/g;
const call = /(\btypeof\s+|[:|&<,]\s*)?\bimport\s*\(\s*(["'])?/g;

/** All that a source imports. `import { type A }` is no type import: Node loads the module all the same. */
export function reachesOf(source: string): Reach[] {
  const { code } = blank(source);
  const statements = [...code.matchAll(statement)].flatMap((match): Reach[] => {
    const [all = "", keyword, type, names = ""] = match;
    // An export that has no `from` before the string exports something of its own.
    if (!/\bfrom\s*$/.test(names) && (keyword === "export" || names.trim() !== "")) return [];
    const offset = match.index + all.length - 1;
    return [
      { specifier: stringAt(source, offset), typeOnly: type !== undefined, line: lineAt(source, offset) },
    ];
  });
  const calls = [...code.matchAll(call)].map((match): Reach => {
    const [all = "", typePosition, quote] = match;
    const offset = match.index + all.length - 1;
    return {
      specifier: quote === undefined ? null : stringAt(source, offset),
      typeOnly: typePosition !== undefined && quote !== undefined && isType(code, match.index, typePosition),
      line: lineAt(source, offset),
    };
  });
  return [...statements, ...calls];
}

/** `typeof import("x")`, and `import("x").Name` where a type stands; never after `await` or as an argument. */
function isType(code: string, index: number, typePosition: string): boolean {
  if (typePosition.startsWith("typeof")) return true;
  const end = code.indexOf(")", index);
  return /^[:|&<]/.test(typePosition) && /^\)\.[A-Z]/.test(code.slice(end, end + 3));
}

function stringAt(source: string, quoteOffset: number): string {
  const quote = source[quoteOffset] ?? '"';
  return source.slice(quoteOffset + 1, source.indexOf(quote, quoteOffset + 1));
}
