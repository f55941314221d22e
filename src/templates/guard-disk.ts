import { statfs } from "node:fs/promises";
import { setTimeout as pause } from "node:timers/promises";
import { SharkuError } from "../contract/errors.ts";
import { tryCommand } from "../lib/run-command.ts";
import type { BuildLimits } from "./needs.ts";

/** Kept of the host's disk: twice what procs need to start, for what is written between two looks. */
const KEPT_BYTES = 512 * 1024 * 1024;
const KEPT_BYTES_PART = 0.1;
const KEPT_FILES = 16_384;
const KEPT_FILES_PART = 0.05;

/** Often, since a build writes as fast as the disk can. */
const LOOK_MS = 200;

/** A tree is not measured again before the disk has taken in so much more. */
const GROWTH_BYTES_MIN = 64 * 1024 * 1024;

/**
 * Builds something in a tree, and ends it before it takes what the host's disk keeps for what runs already, or has much
 * more bytes than a tree may have. Errors: also `disk-full`, `bad-template`.
 */
export async function guardDisk<T>(
  { treeDir, limits, signal }: { treeDir: string; limits: BuildLimits; signal: AbortSignal },
  build: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const ended = new AbortController();
  const full = new AbortController();
  const begun = await lookAt(treeDir);
  if (begun.lack !== null) throw begun.lack;
  const watching = watch({
    treeDir,
    limits,
    measureAt: begun.used + limits.treeBytesMax,
    ended: ended.signal,
  })
    .then((fault) => fault !== null && full.abort(fault))
    .catch((fault: unknown) => full.abort(fault));
  try {
    return await build(AbortSignal.any([signal, full.signal]));
  } catch (error) {
    // It may have come to the end of the disk between two looks, and have told it in its own words.
    signal.throwIfAborted();
    throw full.signal.reason ?? (await lookAt(treeDir)).lack ?? error;
  } finally {
    ended.abort();
    await watching;
  }
}

/** What is wrong with the disk or the tree, once something is; null at the end. */
async function watch({
  treeDir,
  limits,
  measureAt,
  ended,
}: {
  readonly treeDir: string;
  readonly limits: BuildLimits;
  readonly measureAt: number;
  readonly ended: AbortSignal;
}): Promise<SharkuError | null> {
  let next = measureAt;
  // Until the build has ended, which has a time limit.
  while (!ended.aborted) {
    await pause(LOOK_MS, undefined, { signal: ended }).catch(() => undefined);
    const { used, lack } = await lookAt(treeDir);
    if (lack !== null) return lack;
    // Others write to that disk too: only the tree's own size tells whose growth it was.
    if (ended.aborted || used <= next) continue;
    const bytes = await measure(treeDir);
    if (bytes > limits.treeBytesMax) return tooLarge(limits.treeBytesMax);
    next = used + Math.max(limits.treeBytesMax - bytes, GROWTH_BYTES_MIN);
  }
  return null;
}

async function lookAt(dir: string): Promise<{ used: number; lack: SharkuError | null }> {
  const { bavail, bfree, blocks, bsize, ffree, files } = await statfs(dir);
  const used = (blocks - bfree) * bsize;
  const isFull =
    bavail * bsize < Math.min(KEPT_BYTES, blocks * bsize * KEPT_BYTES_PART) ||
    ffree < Math.min(KEPT_FILES, files * KEPT_FILES_PART);
  return { used, lack: isFull ? diskFull() : null };
}

/** By du(1), which follows no link. A tree that changes meanwhile makes it complain, and count nevertheless. */
async function measure(dir: string): Promise<number> {
  const { stdout } = await tryCommand(["du", "-sx", "--apparent-size", "--block-size=1", "--", dir]);
  return Number.parseInt(stdout, 10);
}

function diskFull(): SharkuError {
  return new SharkuError(
    "disk-full",
    "Cannot build the template: the disk is full, wanted room for its files",
  );
}

function tooLarge(bytesMax: number): SharkuError {
  const words = `Cannot use the template's files: they have more than ${bytesMax} bytes, wanted at most ${bytesMax}`;
  return new SharkuError("bad-template", words);
}
