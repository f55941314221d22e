import { blank, lineAt } from "./blank.ts";
import type { SourceFile } from "./project.ts";

/** The rules of style that a program can judge. Each fault says where it is and what to do. */

export const LINES_MAX = 400;
export const FUNCTION_LINES_MAX = 70;

/** Files that break a rule today and may go on to, only smaller: the list may shrink, never grow. */
export const longFiles: Readonly<Record<string, number>> = {};

interface Rule {
  readonly pattern: RegExp;
  readonly cure: string;
  /** Where the rule holds; everywhere unless told. */
  readonly holds?: (path: string) => boolean;
  /** What is searched: the code without comments and texts, or all of the file. */
  readonly searched?: "code" | "text";
}

const outsideLib = (path: string) => path.startsWith("src/") && !path.startsWith("src/lib/") && !isTest(path);
const inTests = (path: string) => isTest(path);

// Put together here, so that this file does not hold what it looks for.
const unfinished = ["TO" + "DO", "FIX" + "ME", "X" + "XX"].join("|");
const silenced = ["@ts-" + "ignore", "@ts-" + "nocheck", "@ts-" + "expect-error", "biome-" + "ignore"].join(
  "|",
);

const rules: readonly Rule[] = [
  {
    pattern: /^export default\b|\bas default\b/gm,
    cure: "no default exports: give it a name, so that it is called the same everywhere",
  },
  {
    pattern: /^(?:export )?(?:let|var) /gm,
    cure: "no state in modules: keep it in an object that somebody makes and hands on",
    holds: (path) => !isTest(path) && !path.startsWith("test/programs/"),
  },
  {
    pattern: /\bDate\.now\b/g,
    cure: "take the clock as a need (src/lib/clock.ts), so that a test can turn it",
    holds: outsideLib,
  },
  {
    pattern: /\bnew Date\(\s*\)|\bnew Date\b(?!\s*\()|(?<!new )\bDate\(\)/g,
    cure: "take the clock as a need (src/lib/clock.ts), so that a test can turn it",
    holds: outsideLib,
  },
  {
    pattern: /\bMath\.random\b/g,
    cure: "take randomness as a need (src/lib/random.ts), so that a test can load the dice",
    holds: outsideLib,
  },
  {
    pattern: new RegExp(`\\b(?:${unfinished})\\b`, "g"),
    cure: "finish it now, or write an issue; a mark in the code is forgotten",
    searched: "text",
  },
  {
    pattern: new RegExp(silenced, "g"),
    cure: "mend what the checker says instead of silencing it",
    searched: "text",
  },
  {
    pattern: /\b(?:test|suite|describe|it|context|t)\.(?:skip|only|todo)\(|\b(?:skip|only|todo): /g,
    cure: "run every test, always: one that is skipped holds nothing",
    holds: inTests,
  },
];

export function judgeSource({ path, text }: SourceFile): string[] {
  return [
    ...judgeLength(path, text),
    ...judgeRules(path, text),
    ...judgeLoops(path, text),
    ...judgeFunctions(path, text),
  ];
}

function judgeLength(path: string, text: string): string[] {
  const lines = text.trimEnd().split("\n").length;
  const most = longFiles[path] ?? LINES_MAX;
  if (lines <= most) return [];
  return [`${path}: it has ${lines} lines, at most ${most}: split it by what its parts are about`];
}

function judgeRules(path: string, text: string): string[] {
  const { code } = blank(text);
  return rules.flatMap(({ pattern, cure, holds = () => true, searched = "code" }) => {
    if (!holds(path)) return [];
    const matches = [...(searched === "code" ? code : text).matchAll(pattern)];
    return matches.map((match) => `${path}:${lineAt(text, match.index)}: "${match[0].trim()}": ${cure}`);
  });
}

/** A loop without an end says by a comment, above it or as its first line, why it ends. */
function judgeLoops(path: string, text: string): string[] {
  const { code, comments } = blank(text);
  const commented = new Set(comments.map((offset) => lineAt(text, offset)));
  return [...code.matchAll(/\bwhile \(true\)|\bfor \([^;()]*(?:\([^()]*\))?[^;()]*;\s*;/g)].flatMap(
    (match) => {
      const line = lineAt(text, match.index);
      if ([line - 1, line, line + 1].some((near) => commented.has(near))) return [];
      return [`${path}:${line}: "${match[0]}": say by a comment what bounds this loop`];
    },
  );
}

/**
 * Roughly, and helped by the formatter: a function's head ends its line with a brace, and the function ends at
 * the next line of the same indentation that begins with the closing one.
 */
function judgeFunctions(path: string, text: string): string[] {
  const lines = blank(text).code.split("\n");
  return lines.flatMap((line, index) => {
    if (!isFunctionHead(line, lines[index - 1] ?? "") || isSuite(line)) return [];
    const start = startOf(lines, index);
    const length = endOf(lines, index) - start + 1;
    if (length <= FUNCTION_LINES_MAX) return [];
    return [
      `${path}:${start + 1}: a function of ${length} lines, at most ${FUNCTION_LINES_MAX}: give its parts names of their own`,
    ];
  });
}

function isFunctionHead(line: string, before: string): boolean {
  if (!/[{]\s*$/.test(line)) return false;
  if (/=>\s*\{\s*$/.test(line)) return true;
  if (
    /^\s*(?:\} )?(?:if|for|while|switch|catch|else|do|try|finally|return|await|class|interface)\b/.test(line)
  )
    return false;
  // A method or function on one line, or the last line of a head over several.
  return (
    /^\s*[\w#*\s]*[\w#\]]+(?:<.*>)?\(.*\)(?::.*)?\s\{\s*$/.test(line) ||
    (/^\s*[})].*\)?(?::.*)?\s\{\s*$/.test(line) && /,\s*$/.test(before))
  );
}

/** A test that takes its context holds tests of its own. */
function isSuite(line: string): boolean {
  return /^\s*(?:suite|describe)\(|\(context\) => \{\s*$/.test(line);
}

/** The head's own first line, where it is broken over several. */
function startOf(lines: readonly string[], index: number): number {
  const line = lines[index] ?? "";
  if (!/^\s*[)}]/.test(line)) return index;
  const indent = indentOf(line);
  for (let at = index - 1; at >= 0; at -= 1) {
    const other = lines[at] ?? "";
    if (other.trim() !== "" && indentOf(other) === indent && !/^\s*[)}]/.test(other)) return at;
  }
  return index;
}

function endOf(lines: readonly string[], index: number): number {
  const indent = indentOf(lines[index] ?? "");
  for (let at = index + 1; at < lines.length; at += 1) {
    const line = lines[at] ?? "";
    if (indentOf(line) === indent && line.trimStart().startsWith("}")) return at;
  }
  return index;
}

function indentOf(line: string): number {
  return line.length - line.trimStart().length;
}

function isTest(path: string): boolean {
  return /\.test\.ts$/.test(path);
}
