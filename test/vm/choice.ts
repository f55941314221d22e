/** Which files of tests run on the stock machine; each by its path in the project. */
export interface Choice {
  readonly files: readonly string[];
  /** Those that would be among them, but need what the machine has not. */
  readonly leftOut: readonly { readonly file: string; readonly lacks: string }[];
}

/** What differs on cgroup v2, under systemd and on an older kernel; the rest by `--all`. */
const usual = [
  ...["1-daemon", "2-unit", "3-crash", "3-reboot"],
  ...["limits", "live-limits", "confinement", "isolation-network"],
];

/** What the machine has not, by the name of a file that needs it. */
const lacking: readonly (readonly [file: RegExp, lacks: string])[] = [
  [/-mirror\.test\.ts$/, "Debian's mirror"],
  [/\/real-archives\.test\.ts$/, "the packers of others"],
  [/-floods\.test\.ts$/, "a processor that is not emulated"],
];

/** Nothing: the usual ones; `--all`: all of them; else those named, as `limits` for test/host/limits.test.ts. */
export function chooseFiles(words: readonly string[], all: readonly string[]): Choice {
  const names = words.length > 0 ? words : usual;
  const wanted = words.includes("--all") ? all : names.map((name) => find(name, all));
  const judged = wanted.map((file) => ({ file, lacks: lacksOf(file) }));
  return {
    files: judged.flatMap(({ file, lacks }) => (lacks === undefined ? [file] : [])),
    leftOut: judged.flatMap(({ file, lacks }) => (lacks === undefined ? [] : [{ file, lacks }])),
  };
}

function find(name: string, all: readonly string[]): string {
  const found = all.find((path) => path === name || path.endsWith(`/${name}.test.ts`));
  if (found !== undefined) return found;
  const names = all.map((path) => path.replace(/^.*\/|\.test\.ts$/g, ""));
  throw new Error(
    `Cannot run "${name}": there is no such file of tests, wanted --all or some of ${names.join(", ")}`,
  );
}

function lacksOf(file: string): string | undefined {
  return lacking.find(([pattern]) => pattern.test(file))?.[1];
}
