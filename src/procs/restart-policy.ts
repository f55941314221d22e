import type { Exit } from "../contract/proc.ts";
import type { Restart } from "../contract/restart.ts";
import { goodReasons } from "../contract/states.ts";
import { finalStateOf } from "./exits.ts";
import type { ProcRecord, RunRecord } from "./record.ts";

/** By how much a wait may be longer than what was asked for, so that many procs do not start at one moment. */
const JITTER = 0.25;

/** 2 to this is more than any wait there may be. */
const DOUBLINGS_MAX = 30;

export interface Ending {
  readonly exit: Exit;
  readonly run: RunRecord | null;
  readonly now: Date;
  /** From 0 up to, but without, 1. */
  readonly fraction: number;
}

/** The record after the end of a run: it waits to be started again, or has ended for good. */
export function afterEnd(record: ProcRecord, { exit, run, now, fraction }: Ending): ProcRecord {
  if (record.stopping?.why === "restart" && record.wanted === "running")
    return waiting(record, { exit, attempts: 0, at: now });
  if (!isToRestart(record, exit)) return { ...record, state: finalStateOf(exit) };
  const { restart } = record.spec;
  const before = hasProvedItself(record, { exit, run }) ? 0 : record.attempts;
  if (restart.maxAttempts !== null && before >= restart.maxAttempts) return givenUp(record, exit);
  const at = new Date(now.getTime() + waitMs(restart, { before, fraction }));
  return waiting(record, { exit, attempts: before + 1, at });
}

/** How long the next start waits after so many `before` it in a row, in milliseconds. */
export function waitMs(
  { backoffMs, backoffMaxMs }: Restart,
  { before, fraction }: { before: number; fraction: number },
): number {
  const ms = Math.min(backoffMs * 2 ** Math.min(before, DOUBLINGS_MAX), backoffMaxMs);
  return Math.round(ms * (1 + JITTER * fraction));
}

function isToRestart({ wanted, spec }: ProcRecord, { reason }: Exit): boolean {
  if (wanted !== "running" || reason === "stopped" || reason === "ttl") return false;
  if (spec.restart.policy === "always") return true;
  return spec.restart.policy === "on-failure" && !goodReasons.includes(reason);
}

function hasProvedItself(record: ProcRecord, { exit, run }: Pick<Ending, "exit" | "run">): boolean {
  const { startup, readiness } = record.spec.health;
  // One that is waited for to be ready proves nothing before: its startup alone may last longer than the row does.
  const since = startup === null && readiness === null ? record.startedAt : record.health.readyAt;
  if (since === null || run?.released !== true) return false;
  // A run that was let go and never seen to run has the word of an earlier one on record.
  if (Date.parse(since) < Date.parse(run.createdAt)) return false;
  return Date.parse(exit.at) - Date.parse(since) >= record.spec.restart.resetAfterMs;
}

function waiting(
  record: ProcRecord,
  { exit, attempts, at }: { exit: Exit; attempts: number; at: Date },
): ProcRecord {
  return {
    ...record,
    ...{ state: "backoff", exit: null, exitedAt: null, lastExit: exit, stopping: null },
    ...{ attempts, nextRestartAt: at.toISOString() },
  };
}

function givenUp(record: ProcRecord, exit: Exit): ProcRecord {
  const message = `${exit.message}; not started again, after ${record.attempts} restarts in a row as restart.maxAttempts has it`;
  return { ...record, state: finalStateOf(exit), exit: { ...exit, message } };
}
