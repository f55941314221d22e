import { createHash } from "node:crypto";
import { chmod, mkdir, symlink, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";

/** What a tree of files is to hold, as plain values: paths are relative, without a leading slash. */
export type Entry =
  | { readonly kind: "dir"; readonly path: string }
  | { readonly kind: "link"; readonly path: string; readonly target: string }
  | { readonly kind: "file"; readonly path: string; readonly content: Buffer };

export function dir(path: string): Entry {
  return { kind: "dir", path };
}

export function link(path: string, target: string): Entry {
  return { kind: "link", path, target };
}

export function file(path: string, content: string | Buffer): Entry {
  return { kind: "file", path, content: Buffer.from(content) };
}

/** The same for the same entries, in whatever order. */
export function hashEntries(entries: readonly Entry[]): string {
  const hash = createHash("sha256");
  for (const entry of [...entries].sort((a, b) => (a.path < b.path ? -1 : 1))) {
    const body =
      entry.kind === "file" ? entry.content : Buffer.from(entry.kind === "link" ? entry.target : "");
    hash.update(`${entry.kind}\0${entry.path}\0${body.length}\0`).update(body);
  }
  return hash.digest("hex");
}

/** Writes the tree below a directory that does not exist yet: readable for all, writable for root. */
export async function writeEntries(top: string, entries: readonly Entry[]): Promise<void> {
  await makeDir(top);
  const dirs = new Set(entries.flatMap((entry) => parentsOf(entry)));
  for (const path of [...dirs].sort()) await makeDir(join(top, path));
  for (const entry of entries) {
    if (entry.kind === "link") await symlink(entry.target, join(top, entry.path));
    if (entry.kind === "file") {
      await writeFile(join(top, entry.path), entry.content, { flag: "wx" });
      await chmod(join(top, entry.path), 0o644);
    }
  }
}

/** By chmod, since the daemon's umask may take from what mkdir is given. */
async function makeDir(path: string): Promise<void> {
  await mkdir(path);
  await chmod(path, 0o755);
}

function parentsOf(entry: Entry): string[] {
  const parents = entry.kind === "dir" ? [entry.path] : [];
  for (let path = dirname(entry.path); path !== "."; path = dirname(path)) parents.push(path);
  return parents;
}
