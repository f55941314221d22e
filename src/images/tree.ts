import { lstatSync, type Stats } from "node:fs";
import { constants, open, readdir } from "node:fs/promises";
import { setImmediate } from "node:timers/promises";
import { escapeHidden } from "../lib/escape-hidden.ts";

/**
 * Looks over a tree that strangers have filled: from outside, as root, when nobody changes it any more. No link
 * is followed and no name is made a string, since it may be any bytes.
 */

export interface TreeLimits {
  readonly bytesMax: number;
  readonly filesMax: number;
  /** Where the tree is to lie in the end: what it holds must have a name there as well. */
  readonly finalDir: string;
}

export type TreeFindings = { readonly files: number; readonly bytes: number } | { readonly fault: string };

/**
 * How many files are looked at in one turn of the daemon. They have just been made, so what is known of them is in
 * memory, and a thread for each would take ten times as long as the question.
 */
const AT_ONCE = 64;
const SPECIAL_BITS = 0o7000;
const TOP_MODE = 0o755;
const OWNER_RWX = 0o700;
/** Linux's PATH_MAX without the NUL. */
const PATH_BYTES_MAX = 4095;
const SLASH = Buffer.from("/");

interface Count {
  files: number;
  bytes: number;
  /** Inodes of files with several names: they count once. */
  readonly shared: Set<number>;
}

/**
 * Counts files and bytes below a directory, and makes every directory usable by its owner and every file free of
 * setuid, setgid and sticky. Answers with a fault where the tree holds what it may not, or too much.
 */
export async function settleTree(dir: string, limits: TreeLimits): Promise<TreeFindings> {
  const count: Count = { files: 0, bytes: 0, shared: new Set() };
  const waiting: Buffer[] = [Buffer.from(dir)];
  const pathBytesMax =
    PATH_BYTES_MAX - Math.max(0, Buffer.byteLength(limits.finalDir) - Buffer.byteLength(dir));
  // The archive may have had its say on the top as well: "./" is a member like others.
  await setMode(Buffer.from(dir), TOP_MODE);
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    const children = await childrenOf(next);
    if (children === null) return { fault: tooDeep(dir, next) };
    const tooLong = children.find((path) => path.length > pathBytesMax);
    if (tooLong !== undefined) return { fault: tooDeep(dir, tooLong) };
    count.files += children.length;
    if (count.files > limits.filesMax)
      return { fault: `it has more than ${limits.filesMax} files, wanted at most ${limits.filesMax}` };
    for (let at = 0; at < children.length; at += AT_ONCE) {
      const some = children.slice(at, at + AT_ONCE);
      const unsettled: Promise<void>[] = [];
      await setImmediate();
      for (const path of some) {
        const stats = look(path);
        if (stats === null) return { fault: tooDeep(dir, path) };
        if (stats.isDirectory()) waiting.push(path);
        else if (!addFile(count, stats))
          return { fault: `"${within(dir, path)}" is neither a file nor a directory nor a link` };
        const mode = settledMode(stats);
        if (mode !== null) unsettled.push(setMode(path, mode));
      }
      await Promise.all(unsettled);
      if (count.bytes > limits.bytesMax)
        return {
          fault: `its files have more than ${limits.bytesMax} bytes, wanted at most ${limits.bytesMax}`,
        };
    }
  }
  return { files: count.files, bytes: count.bytes };
}

function addFile(count: Count, stats: Stats): boolean {
  if (stats.isSymbolicLink()) return true;
  if (!stats.isFile()) return false;
  if (stats.nlink > 1) {
    if (count.shared.has(stats.ino)) return true;
    count.shared.add(stats.ino);
  }
  count.bytes += stats.size;
  return true;
}

async function childrenOf(dir: Buffer): Promise<Buffer[] | null> {
  const names = await readdir(dir, { encoding: "buffer" }).catch(orNullWhereTooDeep);
  return names?.map((name) => Buffer.concat([dir, SLASH, name])) ?? null;
}

function look(path: Buffer): Stats | null {
  try {
    return lstatSync(path);
  } catch (error) {
    return orNullWhereTooDeep(error);
  }
}

/** The mode that it is to get, or null where it may stay as it is. */
function settledMode(stats: Stats): number | null {
  if (stats.isSymbolicLink()) return null;
  const mode = stats.mode & 0o7777;
  const wanted = (mode & ~SPECIAL_BITS) | (stats.isDirectory() ? OWNER_RWX : 0);
  return mode === wanted ? null : wanted;
}

async function setMode(path: Buffer, mode: number): Promise<void> {
  const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  try {
    await file.chmod(mode);
  } finally {
    await file.close();
  }
}

/** A tree can be deeper than a path can be long, where it was made in steps. */
function orNullWhereTooDeep(error: unknown): null {
  if (error instanceof Error && "code" in error && error.code === "ENAMETOOLONG") return null;
  throw error;
}

function tooDeep(dir: string, path: Buffer): string {
  return `"${within(dir, path)}" lies too deep, wanted paths that the system can name`;
}

function within(dir: string, path: Buffer): string {
  const text = path.subarray(Buffer.byteLength(dir) + 1).toString("utf8");
  const safe = escapeHidden(text);
  return safe.length <= 200 ? safe : `${safe.slice(0, 200)}…`;
}
