import { spawn } from "node:child_process";
import { once } from "node:events";
import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { basename, resolve } from "node:path";
import type { Readable } from "node:stream";
import { CliError } from "../errors.ts";
import { type Io, openStdin, type Piped } from "../io.ts";
import { listTree, type TreeList } from "./list-tree.ts";

const ERROR_CHARS_MAX = 500;

/** For all files, since a checkout has none of its own. Zip knows no time before 1980, and it is to be so in any zone. */
const MODIFIED_AT = Date.UTC(1980, 0, 2) / 1000;

/**
 * The same content gives the same bytes, whoever checked it out, when, and under which umask; so an unchanged app is
 * the same image. Of what else a file has, only that it can be executed counts, as for git.
 */
const TAR_ARGUMENTS = [
  "--create",
  "--file=-",
  "--format=gnu",
  // What is packed, and in which order, is told by name.
  "--no-recursion",
  "--null",
  "--verbatim-files-from",
  "--files-from=-",
  "--numeric-owner",
  "--owner=0",
  "--group=0",
  `--mtime=@${MODIFIED_AT}`,
  "--mode=a-st,go=,u=rwX,go=u,go-w",
  // A copy has files of their own for names of one file.
  "--hard-dereference",
];

/** What an app's image is made of: a directory to be packed, or a file that is an archive. */
export interface Source {
  readonly kind: "directory" | "archive";
  readonly path: string;
  /** The directory's or the archive's name, without path and endings. */
  readonly title: string;
  /** The archive's bytes where they are piped in. */
  readonly piped: Piped | null;
}

/** Stands for standard input where a name is wanted. */
const STDIN = "-";

/** Errors: CliError where there is nothing of that name to read, or a terminal is to be read. */
export async function openSource(path: string, { cwd, stdin }: Pick<Io, "cwd" | "stdin">): Promise<Source> {
  if (path === STDIN)
    return { kind: "archive", path, title: "app", piped: openStdin({ stdin }, "an archive") };
  if (/^https?:\/\//.test(path))
    throw new CliError(
      `Cannot send "${path}": a directory or an archive of this machine was wanted; the daemon fetches it by: sharku run ${path}`,
    );
  const full = resolve(cwd, path);
  const found = await stat(full).catch((cause: NodeJS.ErrnoException) => {
    const what = cause.code === "ENOENT" ? "there is no such file or directory" : cause.message;
    throw new CliError(`Cannot read "${path}": ${what}, an app's directory or archive was wanted`, { cause });
  });
  if (found.isDirectory())
    return { kind: "directory", path: full, title: basename(full) || "app", piped: null };
  if (!found.isFile())
    throw new CliError(`Cannot read "${path}": it is neither a directory nor a file, one of them was wanted`);
  return {
    kind: "archive",
    path: full,
    title: basename(full).replace(/(\.tar)?\.(tar|gz|tgz|zst|tzst|xz|txz)$/, ""),
    piped: null,
  };
}

/** What is sent of a source: the list of a directory's files, or null for an archive; about how many bytes, or null. */
export interface Packing {
  readonly tree: TreeList | null;
  readonly bytes: number | null;
}

export async function planPacking(source: Source): Promise<Packing> {
  if (source.piped !== null) return { tree: null, bytes: null };
  if (source.kind === "archive") return { tree: null, bytes: (await stat(source.path)).size };
  const tree = await listTree(source.path);
  return { tree, bytes: tree.bytes };
}

export interface PackOptions {
  readonly packing: Packing;
  readonly env: Io["env"];
  /** Told what changed while it was packed. */
  readonly warn: (text: string) => void;
}

/** The bytes of the archive. Errors: CliError where the directory cannot be packed or the file cannot be read. */
export function readArchive({ path, piped }: Source, options: PackOptions): AsyncIterable<Uint8Array> {
  if (piped !== null) return readPiped(piped);
  const { tree } = options.packing;
  return tree === null ? readFile(path) : packDirectory(path, { ...options, names: tree.paths });
}

async function* readPiped({ stream, close }: Piped): AsyncGenerator<Uint8Array, void> {
  try {
    yield* stream;
  } finally {
    close();
  }
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
  { env: callerEnv, warn, names }: PackOptions & { names: Buffer },
): AsyncGenerator<Uint8Array, void> {
  const env = { ...callerEnv, LC_ALL: "C", TAR_OPTIONS: "" };
  const tar = spawn("tar", TAR_ARGUMENTS, { cwd: directory, env, stdio: ["pipe", "pipe", "pipe"] });
  // Where it ends without having read them, its exit code tells why.
  tar.stdin.on("error", () => undefined);
  tar.stdin.end(names);
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
