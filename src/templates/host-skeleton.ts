import { lstat, readlink } from "node:fs/promises";
import { join } from "node:path";
import { dir, type Entry, link } from "./entries.ts";

/** The top-level directories that are links into /usr on most hosts, and real directories on some. */
const systemDirs = ["bin", "sbin", "lib", "lib64", "lib32", "libx32"];

const emptyDirs = [
  "app",
  "dev",
  "etc",
  "home",
  "media",
  "mnt",
  "opt",
  "proc",
  "root",
  "run",
  "srv",
  "sys",
  "tmp",
  "usr",
  "var/cache",
  "var/lib",
  "var/log",
  "var/spool",
];

export interface Skeleton {
  readonly entries: readonly Entry[];
  /** Top-level directories to be bound from the host, beside /usr. */
  readonly realDirs: readonly string[];
}

/** The empty root: mountpoints, and the same links as the host's. */
export async function hostSkeleton(hostRoot: string): Promise<Skeleton> {
  const entries: Entry[] = [
    ...emptyDirs.map(dir),
    link("var/tmp", "/tmp"),
    link("var/run", "/run"),
    link("var/lock", "/run/lock"),
  ];
  const realDirs: string[] = [];
  for (const name of systemDirs) {
    const path = join(hostRoot, name);
    const stats = await lstat(path).catch(() => null);
    if (stats?.isSymbolicLink()) entries.push(link(name, await readlink(path)));
    if (stats?.isDirectory()) {
      entries.push(dir(name));
      realDirs.push(name);
    }
  }
  return { entries, realDirs };
}
