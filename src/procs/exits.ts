import { constants } from "node:os";
import type { Exit } from "../contract/proc.ts";
import { type ExitReason, goodReasons, type ProcState } from "../contract/states.ts";
import type { OomVictim } from "./needs.ts";
import type { EndWhy, ProcRecord, Program } from "./record.ts";

/** What was seen of an end; `code` is null where nobody saw it. */
export interface SeenEnd {
  readonly code: number | null;
  /** Whether the kernel has killed any of its processes for want of memory. */
  readonly oom: boolean;
  /** Whom; without word of it, its main process. */
  readonly oomVictim?: OomVictim;
  /** True where the host was started anew since. */
  readonly rebooted: boolean;
  /** True where its /app was full at the end: likely the cause, never certainly. */
  readonly diskFull?: boolean;
  /** Whether its command ever ran. */
  readonly begun?: boolean;
}

const SIGNAL_BASE = 128;
const SIGKILL_CODE = SIGNAL_BASE + constants.signals.SIGKILL;

const OOM_OTHER_NOTE =
  "; the kernel had killed other processes of it for want of memory, see limits.memoryBytes";
const OOM_UNSURE_NOTE =
  ", most likely: it killed one of its processes, and its log, which would tell which, cannot be read";

/** Ends of the app's own, of which a killed child may be the cause. */
const oursToExplain: readonly ExitReason[] = ["crashed", "signaled"];

const DISK_FULL_NOTE = "; its /app was full, see limits.appBytes";

/**
 * Tells an end from what was seen. The supervisor's code is a number only: an app that exits with 128+n and one
 * that a signal ended look the same, and are told the same.
 */
export function judgeEnd(record: ProcRecord, seen: SeenEnd, now: Date): Exit {
  const begun = seen.begun ?? true;
  // What ended before its command ran is the runtime, and its code nobody's.
  const code = begun ? seen.code : null;
  const signal = signalOf(code);
  const reason = reasonOf(record, { ...seen, code }, signal);
  const killed = code === SIGKILL_CODE && reason !== "oom" && hasOutlivedGrace(record, now);
  return {
    code,
    signal,
    reason,
    oom: seen.oom,
    killed,
    message:
      messageOf(record, { reason, code, signal, killed, begun }) +
      oomNoteOf(reason, seen) +
      (seen.diskFull ? DISK_FULL_NOTE : ""),
    at: now.toISOString(),
  };
}

/** An end that came before, or instead of, the command's own. */
export function failedStart(reason: ExitReason, message: string, now: Date): Exit {
  return { code: null, signal: null, reason, oom: false, killed: false, message, at: now.toISOString() };
}

export function finalStateOf(exit: Exit): ProcState {
  return goodReasons.includes(exit.reason) ? "done" : "fail";
}

function reasonOf(record: ProcRecord, seen: SeenEnd, signal: string | null): ExitReason {
  if (seen.code === null && seen.rebooted) return "host-reboot";
  const why = whyEnded(record);
  if (why !== null) return why;
  if (seen.code === null) return "lost";
  if (seen.code === 0) return "completed";
  if (seen.code === SIGKILL_CODE && seen.oom && seen.oomVictim !== "other") return "oom";
  return signal === null ? "crashed" : "signaled";
}

/** What is to be added where it is not sure, or where others than the app were killed. */
function oomNoteOf(reason: ExitReason, { oom, oomVictim }: SeenEnd): string {
  if (reason === "oom") return oomVictim === "unsure" ? OOM_UNSURE_NOTE : "";
  return oom && oursToExplain.includes(reason) ? OOM_OTHER_NOTE : "";
}

/** Before its grace is over nobody kills it but the kernel, or the app itself. */
function hasOutlivedGrace({ stopping }: ProcRecord, now: Date): boolean {
  if (stopping === null || stopping.signal === "SIGKILL") return false;
  return now.getTime() >= Date.parse(stopping.deadline);
}

/** Why the daemon ended it; null where it was not the daemon, also where it only came too late to. */
function whyEnded({ wanted, stopping, state }: ProcRecord): Exclude<EndWhy, "restart"> | null {
  if (wanted !== "running") return "stopped";
  // One that is asked to end while its command runs, and has ended before it heard of it, has ended by itself.
  if (state === "running" || stopping === null) return null;
  return stopping.why === "restart" ? "stopped" : stopping.why;
}

function signalOf(code: number | null): string | null {
  if (code === null || code <= SIGNAL_BASE) return null;
  const number = code - SIGNAL_BASE;
  return Object.entries(constants.signals).find(([, value]) => value === number)?.[0] ?? null;
}

const ownWords = {
  ttl: "Ended when its time was over",
  unhealthy: "Ended because its check failed",
  "boot-timeout": "Ended because it was not up in time",
} as const;

function messageOf(
  { spec, stopping, program }: ProcRecord,
  {
    reason,
    code,
    signal,
    killed,
    begun,
  }: { reason: ExitReason; code: number | null; signal: string | null; killed: boolean; begun: boolean },
): string {
  const how =
    code === null
      ? "ended, and nobody saw the code"
      : signal === null
        ? `ended with code ${code}`
        : `ended by ${signal}`;
  switch (reason) {
    case "completed":
      return "The command ended with code 0";
    case "stopped":
      if (!begun) return "Stopped before its command ran";
      if (stopping?.why === "restart")
        return `Stopped to be started again: it ${killed ? "outlived its grace and was killed" : how}`;
      if (code === null) return "Stopped as asked; nobody saw the code";
      return killed
        ? "Stopped as asked: it outlived its grace and was killed"
        : `Stopped as asked: it ${how}`;
    case "ttl":
    case "unhealthy":
    case "boot-timeout":
      if (!begun) return `${stopping?.message ?? ownWords[reason]}, before its command ran`;
      return `${stopping?.message ?? ownWords[reason]}: it ${killed ? "outlived its grace and was killed" : how}`;
    case "oom":
      return `Out of memory: it reached its limit of ${spec.limits.memoryBytes / 2 ** 20} MiB and the kernel killed it`;
    case "host-reboot":
      return "The host was started anew while it ran";
    case "lost":
      return "Its supervisor was gone, so nobody saw how it ended";
    default:
      return `The command ${how}${hintOf(code, program)}`;
  }
}

/** What the shell says by these codes; an app that ends with one by itself is told the same. */
function hintOf(code: number | null, program: Program | null): string {
  if (typeof program?.command !== "string") return "";
  if (code === 127) return ", by which a shell says that it has not found a program; its log has the name";
  if (code === 126) return ", by which a shell says that it may not execute a program; its log has the name";
  return "";
}
