import { spawn } from "node:child_process";
import { once } from "node:events";
import { createReadStream } from "node:fs";
import { lstat, opendir, stat } from "node:fs/promises";
import { basename, join, resolve } from "node:path";
import type { Readable } from "node:stream";
import { CliError } from "../errors.ts";
import type { Io } from "../io.ts";

const STAT_AT_ONCE = 64;
const ERROR_CHARS_MAX = 500;

/** The same directory gives the same bytes, so that an unchanged app is the same image. */
const TAR_ARGUMENTS = [
  "--create",
  "--file=-",
  "--format=gnu",
  "--sort=name",
  "--numeric-owner",
  "--owner=0",
  "--group=0",
  "--exclude=.git",
  ".",
];

/** What an app's image is made of: a directory to be packed, or a file that is an archive. */
export interface Source {
  readonly kind: "directory" | "archive";
  readonly path: string;
  /** The directory's or the archive's name, without path and endings. */
  readonly title: string;
}

export async function openSource(path: string, cwd: string): Promise<Source> {
  const full = resolve(cwd, path);
  const found = await stat(full).catch((cause: NodeJS.ErrnoException) => {
    const what = cause.code === "ENOENT" ? "there is no such file or directory" : cause.message;
    throw new CliError(`Cannot read "${path}": ${what}, an app's directory or archive was wanted`, { cause });
  });
  if (found.isDirectory()) return { kind: "directory", path: full, title: basename(full) || "app" };
  if (!found.isFile())
    throw new CliError(`Cannot read "${path}": it is neither a directory nor a file, one of them was wanted`);
  return {
    kind: "archive",
    path: full,
    title: basename(full).replace(/(\.tar)?\.(tar|gz|tgz|zst|tzst|xz|txz)$/, ""),
  };
}

/** How many bytes will be sent, near enough for a progress bar. */
export async function estimateBytes(source: Source): Promise<number> {
  if (source.kind === "archive") return (await stat(source.path)).size;
  return Math.ceil(((await sumTree(source.path)) + 1536) / 10_240) * 10_240;
}

async function sumTree(directory: string): Promise<number> {
  let bytes = 0;
  const waiting = [directory];
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    const batch: string[] = [];
    // What cannot be read is told by tar, with its name.
    const entries = await opendir(next).catch(() => []);
    for await (const entry of entries) {
      if (entry.name === ".git") continue;
      const path = join(next, entry.name);
      if (entry.isDirectory()) waiting.push(path);
      if (batch.push(path) >= STAT_AT_ONCE) bytes += await sumEntries(batch.splice(0));
    }
    bytes += await sumEntries(batch);
  }
  return bytes;
}

async function sumEntries(paths: readonly string[]): Promise<number> {
  const sizes = await Promise.all(
    paths.map(async (path) => {
      const found = await lstat(path).catch(() => null);
      return 512 + (found?.isFile() ? Math.ceil(found.size / 512) * 512 : 0);
    }),
  );
  return sizes.reduce((sum, size) => sum + size, 0);
}

export interface PackOptions {
  readonly env: Io["env"];
  /** Told what changed while it was packed. */
  readonly warn: (text: string) => void;
}

/** The bytes of the archive. Errors: CliError where the directory cannot be packed or the file cannot be read. */
export function readArchive(source: Source, options: PackOptions): AsyncIterable<Uint8Array> {
  return source.kind === "archive" ? readFile(source.path) : packDirectory(source.path, options);
}

async function* readFile(path: string): AsyncGenerator<Uint8Array, void> {
  try {
    yield* createReadStream(path, { highWaterMark: 256 * 1024 });
  } catch (cause) {
    const what = cause instanceof Error ? cause.message : String(cause);
    throw new CliError(`Cannot read "${path}": ${what}, a readable archive was wanted`, { cause });
  }
}

/** The system's tar does it, run with the rights of whoever calls. */
async function* packDirectory(
  directory: string,
  { env: callerEnv, warn }: PackOptions,
): AsyncGenerator<Uint8Array, void> {
  const env = { ...callerEnv, LC_ALL: "C", TAR_OPTIONS: "" };
  const tar = spawn("tar", TAR_ARGUMENTS, { cwd: directory, env, stdio: ["ignore", "pipe", "pipe"] });
  const ended = once(tar, "close");
  // Looked at below; until then a failure must not count as unhandled.
  ended.catch(() => undefined);
  const complaint = collectText(tar.stderr);
  try {
    yield* tar.stdout;
    const [code] = await ended.catch((cause: unknown) => {
      throw new CliError(`Cannot pack "${directory}": tar cannot be run, GNU tar on the PATH was wanted`, {
        cause,
      });
    });
    const text = await complaint;
    if (code === 1) warn(`some of "${directory}" changed while it was packed: ${text}`);
    else if (code !== 0)
      throw new CliError(`Cannot pack "${directory}": ${text || `tar ended with code ${code}`}`);
  } finally {
    tar.kill();
  }
}

async function collectText(stream: Readable): Promise<string> {
  let text = "";
  for await (const chunk of stream) if (text.length < ERROR_CHARS_MAX) text += String(chunk);
  return text.trim().split("\n").slice(0, 3).join("; ").slice(0, ERROR_CHARS_MAX);
}
