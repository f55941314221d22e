import { lstat, realpath } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { Fault } from "../contract/errors.ts";
import type { VersionRecord } from "./record.ts";

/** What of the host no template may show: its kernel's own filesystems, and all at once. */
const closed = ["/proc", "/sys", "/dev"];

export interface HostDirUse {
  /** The daemon's: to show one would be to show tokens and other procs' files. */
  readonly ownDirs: readonly string[];
  /** Whether it is bound directory by directory, as a tree is, or as it is. */
  readonly isTree: boolean;
}

/** What is wrong with a directory of the host that procs are to see, or null. */
export async function judgeHostDir(path: string, { ownDirs, isTree }: HostDirUse): Promise<string | null> {
  const stats = await lstat(path).catch(() => null);
  if (stats === null) return "does not exist on this host";
  const real = await realpath(path).catch(() => null);
  if (real !== path) return `is not the directory itself, that is ${real ?? "nowhere"}`;
  if (!stats.isDirectory()) return "is no directory";
  if (path === "/") return "is all of the host, wanted a directory below";
  const own = await Promise.all(ownDirs.map((dir) => realpath(dir).catch(() => dir)));
  const meets = [...closed, ...own].find((other) => isWithin(path, other) || isWithin(other, path));
  return meets === undefined
    ? await judgeWay(path, isTree)
    : `contains or lies in ${meets}, which no proc may see`;
}

/** Who may rename in a directory on the way could put a link to any other directory there, after the look at it. */
async function judgeWay(path: string, isTree: boolean): Promise<string | null> {
  let entry = isTree ? null : await lstat(path);
  let place = isTree ? path : dirname(path);
  // Up to the top, which every path has.
  for (;;) {
    const stats = await lstat(place);
    // In a sticky directory nobody else moves what is root's.
    const isHeld = (stats.mode & 0o1000) !== 0 && entry?.uid === 0;
    if (stats.uid !== 0 || ((stats.mode & 0o022) !== 0 && !isHeld))
      return `can be changed by others than root, who own ${place} or may write there, wanted it root's alone`;
    if (place === "/") return null;
    entry = stats;
    place = dirname(place);
  }
}

/**
 * What is wrong by now with the directories of the host that a version shows, or null. They are looked at for each
 * use, since nobody keeps them as they were when the version was made.
 */
export async function judgeVersion(
  { source: { directory }, dirs }: Pick<VersionRecord, "source" | "dirs">,
  ownDirs: readonly string[],
): Promise<string | null> {
  if (directory === undefined) return null;
  const { path, binds } = directory;
  const details = [await judged(path, { ownDirs, isTree: true })];
  for (const { source } of binds) details.push(await judged(source, { ownDirs, isTree: false }));
  for (const name of dirs) {
    const stats = await lstat(join(path, name)).catch(() => null);
    if (!stats?.isDirectory()) details.push(`${join(path, name)} is no directory any more`);
  }
  return details.find((detail) => detail !== null) ?? null;
}

async function judged(path: string, use: HostDirUse): Promise<string | null> {
  const detail = await judgeHostDir(path, use);
  return detail === null ? null : `${path} ${detail}`;
}

/** Where a bind may not lie: what every container has of its own. */
const ours = ["app", "dev", "proc", "run", "sys", "tmp", "etc"];

/** What is wrong with the places of binds in a template. */
export function judgeDestinations(destinations: readonly string[]): Fault[] {
  return destinations.flatMap((path, index) => {
    const detail = judgeDestination(path, destinations.slice(0, index));
    return detail === null ? [] : [{ pointer: `/directory/binds/${index}/destination`, detail }];
  });
}

function judgeDestination(path: string, before: readonly string[]): string | null {
  if (!/^(\/[A-Za-z0-9][A-Za-z0-9._+-]*)+$/.test(path))
    return "is no plain path, wanted one like /opt/java without links and dots";
  const top = path.split("/")[1] ?? "";
  if (ours.includes(top)) return `lies in /${top}, which is not the template's to give`;
  if (before.some((other) => isWithin(path, other) || isWithin(other, path)))
    return "lies in another bind's destination, or around it";
  return null;
}

function isWithin(path: string, other: string): boolean {
  return path === other || path.startsWith(other === "/" ? "/" : `${other}/`);
}
