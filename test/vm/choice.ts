/** Which files of tests run on the stock machine. */

export interface Choice {
  readonly files: readonly string[];
  /** Those that would be among them, but need what the machine has not. */
  readonly leftOut: readonly { readonly file: string; readonly lacks: string }[];
}

/** A file of tests, by its path in the project. */
export interface TestFile {
  readonly path: string;
  readonly text: string;
}

/** What differs on cgroup v2, under systemd and on an older kernel; the rest by `--all`. */
const usual = ["1-daemon", "2-unit", "3-reboot", "limits", "confinement", "isolation-network"];

/** A file says so in a line of its own, as in `// Not on the stock machine: Debian's mirror`. */
const LACKS = /^\/\/ Not on the stock machine: (.+)$/m;

/** Nothing: the usual ones; `--all`: all of them; else those named, as `limits` for test/host/limits.test.ts. */
export function chooseFiles(words: readonly string[], all: readonly TestFile[]): Choice {
  const wanted = words.includes("--all")
    ? all
    : (words.length > 0 ? words : usual).map((word) => find(word, all));
  const judged = wanted.map(({ path, text }) => ({ file: path, lacks: LACKS.exec(text)?.[1] }));
  return {
    files: judged.flatMap(({ file, lacks }) => (lacks === undefined ? [file] : [])),
    leftOut: judged.flatMap(({ file, lacks }) => (lacks === undefined ? [] : [{ file, lacks }])),
  };
}

function find(word: string, all: readonly TestFile[]): TestFile {
  const found = all.find(({ path }) => path === word || path.endsWith(`/${word}.test.ts`));
  if (found !== undefined) return found;
  const names = all.map(({ path }) => path.replace(/^.*\/|\.test\.ts$/g, ""));
  throw new Error(
    `Cannot run "${word}": there is no such file of tests, wanted --all or some of ${names.join(", ")}`,
  );
}
