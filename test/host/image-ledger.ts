import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { lstat, readdir, readFile, readlink } from "node:fs/promises";
import { join } from "node:path";

/** What lies below a directory, as lines that can be compared: names and links as bytes, contents by their sums. */
export async function listTree(dir: string): Promise<string[]> {
  const lines: string[] = [];
  const waiting = [Buffer.alloc(0)];
  for (let path = waiting.pop(); path !== undefined; path = waiting.pop()) {
    const full = path.length === 0 ? Buffer.from(dir) : Buffer.concat([Buffer.from(`${dir}/`), path]);
    const stats = await lstat(full);
    const mode = (stats.mode & 0o7777).toString(8);
    const name = path.toString("latin1");
    if (stats.isDirectory()) {
      lines.push(`${name}\td ${mode} ${stats.uid}:${stats.gid}`);
      for (const child of await readdir(full, { encoding: "buffer" }))
        waiting.push(path.length === 0 ? child : Buffer.concat([path, Buffer.from("/"), child]));
    } else if (stats.isSymbolicLink())
      lines.push(`${name}	l ${stats.uid}:${stats.gid} ${await readlink(full, "latin1")}`);
    else if (stats.isFile())
      lines.push(`${name}	f ${mode} ${stats.uid}:${stats.gid} ${sumOf(await readFile(full))}`);
    else lines.push(`${name}\t? ${mode}`);
  }
  return lines.sort();
}

export function sumOf(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

/** Where an image's files lie. */
export function filesOf(stateDir: string, digest: string): string {
  return join(stateDir, "images", digest.slice("sha256:".length), "files");
}

/** Nothing of an archive is left that was refused, or that came in before. */
export async function assertNothingUnfinished(stateDir: string): Promise<void> {
  assert.deepEqual(await readdir(join(stateDir, "images", "incoming")), []);
}

/** As every image's must be: files, directories and links, all of the app's, without special bits. */
export function assertHarmless(lines: readonly string[]): void {
  for (const line of lines)
    assert.match(line, /\t([df] [0-7]{1,3} 1000:1000\b|l 1000:1000 )/, JSON.stringify(line));
}
