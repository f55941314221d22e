import { isUtf8 } from "node:buffer";
import type { Stats } from "node:fs";
import { lstat, readdir, readlink } from "node:fs/promises";
import { SharkuError } from "../contract/errors.ts";
import type { ImageFile, ImageFiles, ImageFilesQuery } from "../contract/image.ts";

/**
 * Lists a tree that strangers have filled and that never changes: names are bytes, each directory is followed by what is
 * in it, and no link is followed: only what lstat(2) calls a directory is gone into.
 */

const LIMIT_DEFAULT = 1000;
const SLASH = Buffer.from("/");

/** The page after a cursor. Errors: `invalid-request` for a cursor from elsewhere. */
export async function listFiles(
  dir: string,
  { limit = LIMIT_DEFAULT, cursor }: ImageFilesQuery,
): Promise<ImageFiles> {
  const after = cursor === undefined ? [] : namesOf(cursor);
  const items: ImageFile[] = [];
  let last: Buffer | null = null;
  for await (const { path, stats } of walk(Buffer.from(dir), { within: null, after })) {
    if (items.length === limit) return { items, next: last?.toString("base64url") ?? null };
    items.push(await tell(path, { stats, at: Buffer.concat([Buffer.from(dir), SLASH, path]) }));
    last = path;
  }
  return { items, next: null };
}

interface Found {
  /** Below the top. */
  readonly path: Buffer;
  readonly stats: Stats;
}

/** All after the path whose names are `after`; that one was told before. */
async function* walk(
  dir: Buffer,
  { within, after }: { within: Buffer | null; after: readonly Buffer[] },
): AsyncGenerator<Found> {
  const [first, ...rest] = after;
  const names = await readdir(dir, { encoding: "buffer" }).catch(nullWhereGone);
  for (const name of names?.sort(Buffer.compare) ?? []) {
    const order = first === undefined ? 1 : Buffer.compare(name, first);
    if (order < 0) continue;
    const path = within === null ? name : Buffer.concat([within, SLASH, name]);
    const full = Buffer.concat([dir, SLASH, name]);
    const stats = await lstat(full).catch(nullWhereGone);
    if (stats === null) continue;
    if (order > 0) yield { path, stats };
    if (stats.isDirectory()) yield* walk(full, { within: path, after: order === 0 ? rest : [] });
  }
}

async function tell(path: Buffer, { stats, at }: { stats: Stats; at: Buffer }): Promise<ImageFile> {
  const type = stats.isDirectory() ? "directory" : stats.isSymbolicLink() ? "link" : "file";
  const target = type === "link" ? await readlink(at, { encoding: "buffer" }) : null;
  return {
    ...(isUtf8(path) ? { path: path.toString("utf8") } : { pathBase64: path.toString("base64") }),
    type,
    mode: `0${(stats.mode & 0o777).toString(8).padStart(3, "0")}`,
    bytes: type === "file" ? stats.size : 0,
    ...(target === null ? {} : targetOf(target)),
  };
}

function targetOf(target: Buffer): Pick<ImageFile, "target" | "targetBase64"> {
  return isUtf8(target) ? { target: target.toString("utf8") } : { targetBase64: target.toString("base64") };
}

/** The image was removed amid it, which the caller finds out. */
function nullWhereGone(error: NodeJS.ErrnoException): null {
  if (error.code === "ENOENT") return null;
  throw error;
}

function namesOf(cursor: string): Buffer[] {
  const path = Buffer.from(cursor, "base64url");
  const isOurs = path.length > 0 && path.toString("base64url") === cursor && !path.includes(0);
  // Compared with names only, and never opened.
  if (isOurs)
    return path
      .toString("latin1")
      .split("/")
      .map((name) => Buffer.from(name, "latin1"));
  const detail = `Cannot go on from cursor "${cursor}": it is none that a list has given`;
  throw new SharkuError("invalid-request", detail, { faults: [{ pointer: "?cursor", detail }] });
}
