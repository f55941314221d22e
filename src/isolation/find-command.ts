import { constants, type FileHandle, lstat, open, readlink } from "node:fs/promises";
import { join } from "node:path";

/**
 * Whether a program can be executed in a container that has been created, told before its command is let run, so that
 * nobody takes for running what never could. It looks through the container's root from outside, one part of a path
 * after the other: to the kernel, an absolute link in there would lead to the host.
 */

/** The kernel follows no more links than that. */
const LINKS_MAX = 40;

/** The first line of a script, and the head of an ELF file with its table, lie within. */
const HEAD_BYTES = 4096;

/** Were it a FIFO after all, opening it would wait for a writer, and hold a thread of the daemon's few. */
const READ_ONLY = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;

const ELF_64_LITTLE = Buffer.from([0x7f, 0x45, 0x4c, 0x46, 2, 1]);
const PT_INTERP = 3;

const NOT_THERE = "is not there";
const NO_FILE = "is no file, and cannot be executed";

export interface CommandPlace {
  /** The container's root, as the host sees it. */
  readonly root: string;
  readonly cwd: string;
  /** PATH of the environment that it will have. */
  readonly path: string;
  /** Host uid and gid of who will run it. */
  readonly owner: number;
}

/** What lies below /proc is another thing for each who asks: whether it can be executed is left to the kernel. */
type Found = { readonly file: string } | { readonly wrong: string } | "in /proc";

/** What is wrong with a program, in words that follow its name; null where it can be executed, as far as one can see. */
export async function judgeCommand(program: string, place: CommandPlace): Promise<string | null> {
  const found = await findProgram(program, place);
  if (found === "in /proc") return null;
  if ("wrong" in found) return found.wrong;
  await using handle = await open(found.file, READ_ONLY);
  const head = await readHead(handle);
  if (head.subarray(0, 2).toString() === "#!") return await judgeScript(head, place);
  const loader = loaderOf(head);
  if (loader === null || wrongOf(await resolveFile(loader, place)) === null) return null;
  return `is built for another system: its loader ${loader} is not in this template`;
}

async function findProgram(program: string, place: CommandPlace): Promise<Found> {
  if (program.includes("/")) return await resolveFile(program, place);
  const wrong: string[] = [];
  for (const dir of program === "" ? [] : place.path.split(":")) {
    const found = await resolveFile(`${dir || "."}/${program}`, place);
    if (found === "in /proc" || "file" in found) return found;
    if (found.wrong !== NOT_THERE) wrong.push(found.wrong);
  }
  return { wrong: wrong[0] ?? `is in none of the directories of PATH, ${place.path}` };
}

/** Follows the path inside the root, links too. */
async function resolveFile(path: string, { root, cwd, owner }: CommandPlace): Promise<Found> {
  const left = partsOf(path.startsWith("/") ? path : `${cwd}/${path}`);
  const at: string[] = [];
  let links = 0;
  for (let part = left.shift(); part !== undefined; part = left.shift()) {
    if (part === "..") {
      at.pop();
      continue;
    }
    if (at[0] === "proc") return "in /proc";
    const file = join(root, ...at, part);
    const stat = await lstat(file).catch(() => null);
    if (stat === null) return { wrong: NOT_THERE };
    if (stat.isSymbolicLink()) {
      links += 1;
      if (links > LINKS_MAX) return { wrong: "is a link that leads in circles" };
      const target = await readlink(file);
      if (target.startsWith("/")) at.length = 0;
      left.unshift(...partsOf(target));
      continue;
    }
    if (left.length === 0 && stat.isDirectory()) return { wrong: "is a directory" };
    if (left.length > 0 && !stat.isDirectory()) return { wrong: NOT_THERE };
    if (left.length === 0 && !stat.isFile()) return { wrong: NO_FILE };
    if (!mayExecute(stat, owner))
      return { wrong: `may not be executed by the app: /${[...at, part].join("/")}` };
    if (left.length === 0) return { file };
    at.push(part);
  }
  return { wrong: "is a directory" };
}

function partsOf(path: string): string[] {
  return path.split("/").filter((part) => part !== "" && part !== ".");
}

function mayExecute(stat: { uid: number; gid: number; mode: number }, owner: number): boolean {
  if (stat.uid === owner) return (stat.mode & 0o100) !== 0;
  if (stat.gid === owner) return (stat.mode & 0o010) !== 0;
  return (stat.mode & 0o001) !== 0;
}

/** A script is executed by what its first line names; where that is env, by what env is told to find. */
async function judgeScript(head: Buffer, place: CommandPlace): Promise<string | null> {
  const [line = ""] = head.subarray(2).toString("utf8").split("\n");
  const [interpreter = "", argument] = line.trim().split(/\s+/);
  if (interpreter === "") return null;
  const found = await resolveFile(interpreter, place);
  const wrong = wrongOf(found);
  if (wrong !== null) return `asks in its first line for ${interpreter}, which ${wrong}`;
  if (!/\/env$/.test(interpreter) || argument === undefined || !/^[\w./+-]+$/.test(argument)) return null;
  if (argument.startsWith("-")) return null;
  const lack = wrongOf(await findProgram(argument, place));
  return lack === null ? null : `asks in its first line for ${argument}, which ${lack}`;
}

function wrongOf(found: Found): string | null {
  return found !== "in /proc" && "wrong" in found ? found.wrong : null;
}

/** The loader that a dynamic ELF program names; null where it names none, or is of a form that is not read here. */
function loaderOf(head: Buffer): string | null {
  if (head.length < 64 || !head.subarray(0, ELF_64_LITTLE.length).equals(ELF_64_LITTLE)) return null;
  const table = Number(head.readBigUInt64LE(32));
  const entryBytes = head.readUInt16LE(54);
  const count = head.readUInt16LE(56);
  for (let entry = 0; entry < count; entry += 1) {
    const from = table + entry * entryBytes;
    if (from + 40 > head.length) return null;
    if (head.readUInt32LE(from) !== PT_INTERP) continue;
    const start = Number(head.readBigUInt64LE(from + 8));
    const end = start + Number(head.readBigUInt64LE(from + 32));
    if (end > head.length) return null;
    return head.subarray(start, end).toString("utf8").replace(/\0.*$/s, "");
  }
  return null;
}

async function readHead(handle: FileHandle): Promise<Buffer> {
  const { buffer, bytesRead } = await handle.read(Buffer.alloc(HEAD_BYTES), 0, HEAD_BYTES, 0);
  return buffer.subarray(0, bytesRead);
}
