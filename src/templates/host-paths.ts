import { lstat, realpath } from "node:fs/promises";
import type { Fault } from "../contract/errors.ts";

/** What of the host no template may show: its kernel's own filesystems, and all at once. */
const closed = ["/proc", "/sys", "/dev"];

/**
 * What is wrong with a directory of the host that procs are to see, or null. `ownDirs` are the daemon's: to show one
 * would be to show tokens and other procs' files.
 */
export async function judgeHostDir(path: string, ownDirs: readonly string[]): Promise<string | null> {
  const stats = await lstat(path).catch(() => null);
  if (stats === null) return "does not exist on this host";
  const real = await realpath(path).catch(() => null);
  if (real !== path) return `is not the directory itself, that is ${real ?? "nowhere"}`;
  if (!stats.isDirectory()) return "is no directory";
  if (path === "/") return "is all of the host, wanted a directory below";
  const meets = [...closed, ...ownDirs].find((other) => isWithin(path, other) || isWithin(other, path));
  return meets === undefined ? null : `contains or lies in ${meets}, which no proc may see`;
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
