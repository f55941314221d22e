import { mkdir, readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import type { Held } from "../contract/df.ts";
import type { LogRecord } from "../contract/event.ts";
import { diskUsage } from "../lib/disk-usage.ts";
import type { Clock, Logs } from "../procs/needs.ts";
import { type ReadQuery, readLog } from "./read-log.ts";
import { runFileName } from "./run-files.ts";

/**
 * The logs of procs: says where the supervisor of each run writes, and reads what it wrote, in conmon's
 * k8s-file form. It never writes a log itself, never talks to the supervisor, and does not know which procs live.
 *
 * INVARIANTS
 * - No reader can slow an app down or make the daemon's memory grow: a reader looks at files, in chunks, when it
 *   is asked for the next record, and holds nothing open in between.
 * - A cursor is behind one record for good: who resumes there gets each later record once, none before.
 * - What an app wrote is told as it is, byte for byte; where it is not UTF-8, in base64.
 */
export interface LogRoom extends Logs {
  /** See readLog. A proc without a log has no records. */
  read(procId: string, query: ReadQuery, signal: AbortSignal): AsyncIterable<LogRecord>;
  /** What the logs take of the disk; those of procs that have ended go with their procs. */
  held(hasEnded: (procId: string) => boolean): Promise<Held[]>;
}

export interface LogsOptions {
  /** Directory of the room's own; made where it is missing. */
  readonly dir: string;
  readonly clock: Clock;
}

export async function openLogs({ dir, clock }: LogsOptions): Promise<LogRoom> {
  await mkdir(dir, { recursive: true, mode: 0o700 });
  const dirOf = (procId: string) => join(dir, procId);
  const remove = (procId: string) => rm(dirOf(procId), { recursive: true, force: true });
  const read = (procId: string, query: ReadQuery, signal: AbortSignal) =>
    readLog(query, { dir: dirOf(procId), clock, signal });
  return {
    read,
    remove,
    held: async (hasEnded) => [heldLogs(dir, { usage: await diskUsage([dir], { depth: 1 }), hasEnded })],
    async prepare(procId, run) {
      await mkdir(dirOf(procId), { recursive: true, mode: 0o700 });
      return join(dirOf(procId), runFileName(run));
    },
    async sweep(liveProcIds) {
      const live = new Set(liveProcIds);
      const gone = (await readdir(dir)).filter((procId) => !live.has(procId));
      for (const procId of gone) await remove(procId);
    },
    async lastLines(procId, count) {
      const signal = new AbortController().signal;
      const records = await Array.fromAsync(read(procId, { tail: count, ended: () => true }, signal));
      return count === 0 ? [] : records.slice(-count);
    },
  };
}

function heldLogs(
  dir: string,
  { usage, hasEnded }: { usage: ReadonlyMap<string, number>; hasEnded: (procId: string) => boolean },
): Held {
  const items = [...usage].flatMap(([path, bytes]) => {
    if (path === dir) return [];
    const name = path.slice(dir.length + 1);
    const inUse = !hasEnded(name);
    return [{ name, bytes, inUse, note: inUse ? "proc" : "ended proc" }];
  });
  const free = items.filter(({ inUse }) => !inUse);
  return {
    kind: "logs",
    ...{ count: items.length, inUse: items.length - free.length, bytes: usage.get(dir) ?? 0 },
    freeableBytes: free.reduce((sum, { bytes }) => sum + bytes, 0),
    items,
  };
}
