import type { Fault } from "../contract/errors.ts";
import type { Check } from "../contract/template.ts";
import { dir, type Entry, link } from "./entries.ts";

/** What the scripts have found in a tree: their lines, read, and judged without looking at the tree again. */
export interface Report {
  readonly dirs: readonly string[];
  readonly links: readonly { readonly name: string; readonly target: string }[];
  /** What stands where something is to be mounted, by its path. */
  readonly kinds: ReadonlyMap<string, string>;
  readonly found: ReadonlySet<string>;
  /** As Debian calls it; null where the shell is no program that we know. */
  readonly arch: string | null;
  readonly bytes: number | null;
  readonly files: number | null;
}

/** Made by the sandbox in every container, whatever a template has of them. */
const ourDirs = ["app", "dev", "proc", "run", "sys", "tmp"];

/** Where the container's own filesystems and files are mounted, so where no link may lead elsewhere. */
const mountpoints: readonly (readonly [path: string, wanted: readonly string[]])[] = [
  ...ourDirs.map((name) => [name, ["dir", "none"]] as const),
  ["etc", ["dir"]],
  ["etc/hosts", ["file"]],
  ["etc/resolv.conf", ["file"]],
];

const topPattern = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;

export function readReport(lines: readonly string[]): Report {
  const dirs: string[] = [];
  const links: { name: string; target: string }[] = [];
  const kinds = new Map<string, string>();
  const found = new Set<string>();
  let head = "";
  let size: readonly (number | null)[] = [null, null];
  for (const line of lines) {
    const [letter, ...words] = line.split(" ");
    const [first = "", second = "", target = ""] = words;
    if (letter === "E" && first === "d" && topPattern.test(second)) dirs.push(second);
    if (letter === "E" && first === "l" && topPattern.test(second)) links.push({ name: second, target });
    if (letter === "M") kinds.set(words.slice(1).join(" "), first);
    if (letter === "C" && second === "1") found.add(first);
    if (letter === "A") head = first;
    if (letter === "S") size = [Number(first), Number(second)];
  }
  const [bytes = null, files = null] = size;
  return { dirs, links, kinds, found, arch: archOf(head), bytes, files };
}

/** By the head of an ELF file: class, byte order and machine, elf(5). */
const machines: Readonly<Record<string, string>> = {
  "02013e00": "amd64",
  "0201b700": "arm64",
  "01010300": "i386",
  "01012800": "armhf",
  "0201f300": "riscv64",
  "02011500": "ppc64el",
  "02020016": "s390x",
};

function archOf(head: string): string | null {
  if (!head.startsWith("7f454c46")) return null;
  return machines[head.slice(8, 12) + head.slice(36, 40)] ?? "unknown";
}

/** The directories of the tree that procs see: all at its top but those that every container has of its own. */
export function shownDirs({ dirs }: Report): string[] {
  return dirs.filter((name) => !ourDirs.includes(name));
}

/** The empty root: a directory for each mount, and the links at the top that lead to other places of the tree. */
export function skeletonEntries(report: Report, bindDestinations: readonly string[] = []): Entry[] {
  const dirs = shownDirs(report);
  const taken = new Set([...dirs, ...ourDirs]);
  const links = report.links.filter(({ name, target }) => !taken.has(name) && isPlainTarget(target));
  // Below a directory of the tree, the place for a bind is in the tree.
  const own = bindDestinations.map((path) => path.slice(1)).filter((path) => !dirs.includes(topOf(path)));
  return [
    ...[...taken, ...own].map(dir),
    ...links
      .filter(({ name }) => !own.some((path) => topOf(path) === name))
      .map(({ name, target }) => link(name, target)),
  ];
}

function topOf(path: string): string {
  return path.split("/")[0] ?? "";
}

function isPlainTarget(target: string): boolean {
  return /^\/?[A-Za-z0-9._+-]+(\/[A-Za-z0-9._+-]+)*$/.test(target) && !target.split("/").includes("..");
}

/** What in a tree stands in the way of a proc, before anything of it is run. */
export function judgeMountpoints(report: Report, bindDestinations: readonly string[] = []): Fault[] {
  const shown = shownDirs(report);
  const inTree = bindDestinations
    .map((path) => path.slice(1))
    .filter((path) => shown.includes(topOf(path)))
    .map((path) => [path, ["dir"]] as const);
  return [...mountpoints, ...inTree].flatMap(([path, wanted]) => {
    const kind = report.kinds.get(path) ?? "none";
    if (wanted.includes(kind)) return [];
    return [
      { pointer: "", detail: `/${path} is ${kindWords[kind] ?? kind}, wanted ${kindWords[wanted[0] ?? ""]}` },
    ];
  });
}

const kindWords: Readonly<Record<string, string>> = {
  dir: "a directory",
  file: "a plain file",
  link: "a link",
  none: "not there",
  other: "neither a file nor a directory",
};

const ownersWords = [
  "every runtime can stand on it",
  "some files are not root's, so that it is closed to users of the host: gVisor does not run on it",
] as const;

/** What apps will find, and what they will miss. `trial` is null where a container started on it, else why not. */
export function checksOf(
  report: Report,
  { hostArch, trial }: { hostArch: string; trial: string | null },
): Check[] {
  const { arch, found } = report;
  const check = (
    name: string,
    ok: boolean,
    words: readonly [ok: string, bad: string],
    bad: Check["status"],
  ) => ({
    name,
    status: ok ? ("ok" as const) : bad,
    found: ok ? words[0] : words[1],
  });
  const fits = arch === hostArch;
  return [
    check("shell", found.has("shell"), ["/bin/sh is there", "there is no /bin/sh"], "fail"),
    check(
      "arch",
      fits || arch === null,
      [
        `its programs are for ${arch ?? "this host, as far as can be told"}`,
        `its programs are for ${arch}, this host is ${hostArch}`,
      ],
      "fail",
    ),
    check(
      "loader",
      found.has("loader"),
      ["there is a dynamic loader", "there is no dynamic loader: only static programs run"],
      "warn",
    ),
    check(
      "starts",
      trial === null,
      ["a container starts on it and runs /bin/sh", `no container starts on it: ${trial}`],
      "fail",
    ),
    check(
      "certificates",
      found.has("certificates"),
      [
        "there are CA certificates",
        "there are no CA certificates: apps that call https:// fail, add the package ca-certificates",
      ],
      "warn",
    ),
    check(
      "user",
      found.has("user"),
      ["uid 1000 has a name", "uid 1000 has no name in /etc/passwd: some programs look for one"],
      "warn",
    ),
    check("owners", found.has("owners"), ownersWords, "warn"),
    check(
      "timezones",
      found.has("timezones"),
      ["there are time zones", "there are no time zones: apps know UTC only, add the package tzdata"],
      "warn",
    ),
  ];
}
