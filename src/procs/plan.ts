import { finalStates } from "../contract/states.ts";
import type { OomVictim, RunSight } from "./needs.ts";
import { isToEnd, type ProcRecord, type RunRecord } from "./record.ts";

/**
 * What the daemon knows of a run: `fresh` where it has just written the row and taken nothing yet, `unknown`
 * where it must look (after its own start, after a supervisor's word), otherwise what it saw last.
 */
export type Knowledge = RunSight | { readonly status: "fresh" } | { readonly status: "unknown" };

export interface Situation {
  readonly record: ProcRecord;
  readonly run: RunRecord | null;
  readonly knowledge: Knowledge;
  /** Whether its image is being fetched. */
  readonly fetching: boolean;
  /** Whether this daemon has sent the stop's signal; one that died may have sent it too. */
  readonly asked: boolean;
  readonly bootId: string;
  readonly nowMs: number;
  readonly retentionMs: number;
}

/** One thing to do. Each has one executor in steps.ts, which has no opinion. */
export type Step =
  /** Look at what is there of the run. */
  | { readonly kind: "look" }
  /** Begin to fetch its image, in the background, and move to boot. */
  | { readonly kind: "fetch" }
  /** Write a new run's row, with its slot, and move to boot. */
  | { readonly kind: "boot" }
  /** Take the run's resources and let its command run. */
  | { readonly kind: "launch" }
  /** Throw away a run whose command has not been released, and begin another in its place. */
  | { readonly kind: "again" }
  /** The command runs: move to running. */
  | { readonly kind: "adopt" }
  /** Its time is over: put on record that it is to end. */
  | { readonly kind: "expire" }
  /** Move to stopping. */
  | { readonly kind: "stop" }
  /** Send the stop's signal. */
  | { readonly kind: "ask" }
  /** Kill all of the run. */
  | { readonly kind: "kill" }
  /** Put on record how it ended; `never` ran its command, or was seen with that `code`. */
  | {
      readonly kind: "end";
      readonly code: number | null;
      readonly oom: boolean;
      readonly oomVictim?: OomVictim;
      readonly rebooted: boolean;
      readonly diskFull?: boolean;
    }
  /** Give back what the run holds, then move to the state that its end calls for. */
  | { readonly kind: "settle" }
  /** Remove the proc's record and logs. */
  | { readonly kind: "forget" }
  /** Nothing to do before that moment, or before something happens. */
  | { readonly kind: "rest"; readonly untilMs: number | null };

/**
 * Decides the next step of a proc, from what is on record and what is seen. It is the same for a proc just
 * created, for one whose app has just ended, and for one that a new daemon finds: there is no other path.
 */
export function nextStep(situation: Situation): Step {
  const { record, run } = situation;
  if (finalStates.includes(record.state)) return ofEnded(situation);
  // A run that waits to be followed by another has not given everything back yet.
  if (record.exit !== null || (record.state === "backoff" && run !== null)) return { kind: "settle" };
  if (isExpired(situation)) return { kind: "expire" };
  if (run === null) return ofWaiting(situation);
  if (situation.knowledge.status === "unknown") return { kind: "look" };
  switch (record.state) {
    case "boot":
      return ofBoot(situation);
    case "running":
      return ofRunning(situation);
    default:
      return ofStopping(situation);
  }
}

/** No run yet: it was accepted, or it waits to be started again. */
function ofWaiting({ record, fetching, nowMs }: Situation): Step {
  if (isToEnd(record)) return { kind: "end", code: null, oom: false, rebooted: false };
  const dueMs = record.nextRestartAt === null ? nowMs : Date.parse(record.nextRestartAt);
  if (record.state === "backoff" && nowMs < dueMs) return restAtMost(record, dueMs);
  if (record.program === null) return fetching ? restAtMost(record, null) : { kind: "fetch" };
  return { kind: "boot" };
}

function ofBoot(situation: Situation): Step {
  const { record, knowledge } = situation;
  if (knowledge.status === "exited") return ended(situation);
  if (isToEnd(record)) return { kind: "stop" };
  switch (knowledge.status) {
    case "fresh":
      return { kind: "launch" };
    case "running":
      return { kind: "adopt" };
    case "unwatched":
      // Its command may have begun, and nothing runs twice.
      return knowledge.started ? { kind: "kill" } : { kind: "again" };
    case "absent":
      // Gone without a trace, as after a loss of power: if it was let run, nobody saw its end.
      return situation.run?.released === true ? ended(situation) : { kind: "again" };
    default:
      return { kind: "again" };
  }
}

function ofRunning(situation: Situation): Step {
  const { record, knowledge } = situation;
  if (knowledge.status === "unwatched") return { kind: "kill" };
  if (knowledge.status !== "running") return ended(situation);
  return isToEnd(record) ? { kind: "stop" } : restAtMost(record, null);
}

/** Whether its time is over, and nobody has begun to end it. */
function isExpired({ record, nowMs }: Situation): boolean {
  const expiry = expiryMs(record);
  return expiry !== null && nowMs >= expiry && !isToEnd(record);
}

/** Rests until that moment, or until its time is over. */
function restAtMost(record: ProcRecord, untilMs: number | null): Step {
  const moments = [untilMs, expiryMs(record)].filter((moment) => moment !== null);
  return { kind: "rest", untilMs: moments.length === 0 ? null : Math.min(...moments) };
}

function ofStopping(situation: Situation): Step {
  const { record, knowledge, asked, nowMs } = situation;
  if (knowledge.status === "created" || knowledge.status === "unwatched") return { kind: "kill" };
  if (knowledge.status !== "running") return ended(situation);
  const deadlineMs = record.stopping === null ? nowMs : Date.parse(record.stopping.deadline);
  if (nowMs >= deadlineMs) return { kind: "kill" };
  return asked ? { kind: "rest", untilMs: deadlineMs } : { kind: "ask" };
}

function ofEnded({ record, run, nowMs, retentionMs }: Situation): Step {
  if (run !== null) return { kind: "settle" };
  if (record.wanted === "gone") return { kind: "forget" };
  const forgetMs = Date.parse(record.exitedAt ?? record.createdAt) + retentionMs;
  return nowMs >= forgetMs ? { kind: "forget" } : { kind: "rest", untilMs: forgetMs };
}

function ended({ run, knowledge, bootId }: Situation): Step {
  const rebooted = run !== null && run.bootId !== bootId;
  if (knowledge.status !== "exited") return { kind: "end", code: null, oom: false, rebooted };
  const { code, oom, oomVictim, diskFull } = knowledge;
  return {
    ...{ kind: "end", code, oom, rebooted },
    ...(oomVictim !== undefined && { oomVictim }),
    ...(diskFull === true && { diskFull }),
  };
}

function expiryMs({ spec, createdAt }: ProcRecord): number | null {
  return spec.ttlMs === null ? null : Date.parse(createdAt) + spec.ttlMs;
}
