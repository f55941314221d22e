import { createReadStream } from "node:fs";
import { rm } from "node:fs/promises";
import { SharkuError } from "../contract/errors.ts";
import type { ArchiveFormat } from "../contract/image.ts";
import { escapeHidden } from "../lib/escape-hidden.ts";
import { toOperatingError } from "./disk-errors.ts";
import { flushFileSystem } from "./flush.ts";
import { Members } from "./members.ts";
import type { ImageLimits, UnpackResult, UnpackSandbox } from "./needs.ts";
import { settleTree, type TreeFindings } from "./tree.ts";
import { unpackCommand, unpackExit } from "./unpack-command.ts";

/** Where the command sees the target directory. */
const TARGET = "/app";
/** What of tar's words is told. */
const WORDS_MAX = 4096;
/** The archive is handed on in pieces of this size: each costs a turn of the daemon. */
const CHUNK_BYTES = 1024 * 1024;
/** Headers, padding and long names, for each file beside its bytes. */
const OVERHEAD_BYTES_PER_FILE = 2048;

export interface UnpackOptions {
  readonly sandbox: UnpackSandbox;
  readonly limits: ImageLimits;
  readonly jobId: string;
  readonly archive: string;
  readonly format: ArchiveFormat;
  readonly targetDir: string;
  /** Where the files are to lie once they are an image. */
  readonly finalDir: string;
  readonly signal: AbortSignal;
  /** Called with the number of files, directories and links so far. */
  readonly onFiles: (files: number) => void;
}

/**
 * Unpacks an archive in the sandbox and looks over what came out. The archive is gone once it has been unpacked
 * whole; where the disk was full before, it is still there to try again.
 * Errors: `bad-archive`, `disk-full`; the signal's reason where it aborts.
 */
export async function unpack(options: UnpackOptions): Promise<{ files: number; bytes: number }> {
  const members = new Members(options.limits);
  const ending = new AbortController();
  let fault: string | null = null;
  const refuse = (why: string) => {
    fault ??= why;
    ending.abort();
  };
  const { unpackMsMax } = options.limits;
  const input = createReadStream(options.archive, { highWaterMark: CHUNK_BYTES });
  let deadline: NodeJS.Timeout | undefined;
  const startDeadline = () => {
    deadline = setTimeout(() => refuse(`it takes longer than ${unpackMsMax} ms, wanted less`), unpackMsMax);
  };
  // The sandbox may let a job wait; it begins to read when it begins to run.
  input.once("resume", startDeadline);
  // The sandbox sees the error as an input that ends early; this one keeps it from ending the daemon.
  input.on("error", (error) => {
    if (isReadError(error)) ending.abort();
  });
  const job = {
    jobId: options.jobId,
    targetDir: options.targetDir,
    argv: commandFor(options),
    input,
    onLine: (line: string) => {
      const why = fault === null ? members.add(line) : null;
      if (why === null) options.onFiles(members.count);
      else refuse(why);
    },
    signal: AbortSignal.any([options.signal, ending.signal]),
  };
  let result: UnpackResult | null = null;
  try {
    result = await options.sandbox.unpack(job);
  } catch (error) {
    if (!job.signal.aborted) toOperatingError(error);
  } finally {
    input.off("resume", startDeadline);
    clearTimeout(deadline);
    input.destroy();
  }
  const judge = async () => {
    options.signal.throwIfAborted();
    if (fault !== null) throw bad(fault);
    if (isReadError(input.errored)) throw input.errored;
    judgeResult(result, { members, limits: options.limits });
    return await takeOver(options);
  };
  // However it is judged, who is answered finds nothing of the sandbox.
  return await bothOf(judge(), result?.cleared);
}

/** What the archive became is told and flushed; the archive goes. */
async function takeOver({
  archive,
  targetDir,
  finalDir,
  limits,
}: UnpackOptions): Promise<{ files: number; bytes: number }> {
  // Unlinked before the flush, which would write all of it for nobody.
  await rm(archive);
  // Most of it is on the disk when the look is over. Whoever publishes flushes what the look has changed; a fault
  // of the disk is told to the first who asks, so this one counts as well.
  const flushed = flushFileSystem(targetDir).catch(toOperatingError);
  return judgeTree(await bothOf(settleTree(targetDir, { ...limits, finalDir }), flushed));
}

/** The value of the first, when both have ended; the fault of the first that has one. */
async function bothOf<T>(task: Promise<T>, other: Promise<void> | undefined): Promise<T> {
  const [done, otherDone] = await Promise.allSettled([task, other]);
  if (done.status === "rejected") throw done.reason;
  if (otherDone.status === "rejected") throw otherDone.reason;
  return done.value;
}

/**
 * Whether the archive itself cannot be read. A command that stops reading early leaves an error in the input too,
 * that of the pipe; its result says more about the archive.
 */
function isReadError(error: Error | null): boolean {
  return error !== null && "syscall" in error && (error.syscall === "open" || error.syscall === "read");
}

function commandFor({ format, limits }: UnpackOptions): string[] {
  return unpackCommand({ format, streamBytesMax: streamBytesMax(limits), target: TARGET });
}

function streamBytesMax({ bytesMax, filesMax }: ImageLimits): number {
  return bytesMax + (filesMax + 1) * OVERHEAD_BYTES_PER_FILE;
}

function judgeResult(
  result: UnpackResult | null,
  { members, limits }: { members: Members; limits: ImageLimits },
): void {
  const words = wordsOf(result?.stderr ?? "");
  const at = members.last === null ? "" : ` at "${members.last}"`;
  if (saysFull(result?.stderr ?? ""))
    throw new SharkuError(
      "disk-full",
      `Cannot unpack the archive: the disk is full${at}, wanted room for its files`,
    );
  // tar takes the outer part away and, for hard links, goes on as if that had been meant.
  if (/(^|; )tar: Removing leading /.test(words))
    throw bad(
      `a member lies or links outside, wanted paths without ".." and without a leading "/": ${words}`,
    );
  if (result?.code === unpackExit.tooLong)
    throw bad(
      `it has more than ${streamBytesMax(limits)} bytes when it is decompressed, wanted at most as many`,
    );
  if (result?.code === unpackExit.decompress)
    throw bad(`it cannot be decompressed${at}, wanted a whole file: ${words}`);
  if (result?.code !== 0) throw bad(`tar stopped${at}, wanted an archive without a fault: ${words}`);
  if (!members.isWhole) throw bad(`it is cut off${at}, wanted a tar archive up to its mark of the end`);
}

/** By how a line ends: what comes before may be the name of a member. A write that ends early comes before the error. */
function saysFull(stderr: string): boolean {
  return /: (?:No space left on device|Wrote only \d+ of \d+ bytes)$/m.test(stderr);
}

/** In one line, without the one that says nothing; tar quotes what it names, but not what a header says. */
function wordsOf(stderr: string): string {
  const lines = stderr.split("\n").filter((line) => line !== "" && !/^tar: Exiting with failure/.test(line));
  const short = (line: string) => (line.length <= 400 ? line : `${line.slice(0, 200)}…${line.slice(-199)}`);
  return escapeHidden(lines.map(short).join("; ").slice(0, WORDS_MAX));
}

function judgeTree(found: TreeFindings): { files: number; bytes: number } {
  if ("fault" in found) throw bad(found.fault);
  return found;
}

function bad(fault: string): SharkuError {
  return new SharkuError("bad-archive", `Cannot unpack the archive: ${fault}`);
}
