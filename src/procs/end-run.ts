import { SharkuError } from "../contract/errors.ts";
import type { StopRequest } from "../contract/proc.ts";
import { finalStates } from "../contract/states.ts";
import { notFound } from "./await-goal.ts";
import type { Life } from "./life.ts";
import type { Needs } from "./needs.ts";
import type { EndWhy, ProcRecord, Stopping } from "./record.ts";
import type { Tools } from "./steps.ts";

/** A reason of the daemon's own to end a run, with what its owner is to be told. */
export interface OwnEnd {
  readonly why: "unhealthy" | "boot-timeout";
  readonly message: string;
}

/**
 * Puts on record that its owner wants it to end, whatever its lane is at. A second wish may only shorten the first
 * one's grace.
 */
export async function wantEnd(
  life: Life,
  { wanted, request }: { wanted: "stopped" | "gone"; request: StopRequest },
  { clock }: Pick<Needs, "clock">,
): Promise<void> {
  await life.commit((record) => {
    const isOver = finalStates.includes(record.state);
    if (isOver && wanted === "stopped") return null;
    const stopping = isOver ? record.stopping : stoppingOf(record, { why: "stopped", request }, clock.now());
    return { saveProc: { ...record, wanted: record.wanted === "gone" ? "gone" : wanted, stopping } };
  });
}

/** Ends that run for a reason of the daemon's own. Does nothing where it is over, or is ending already. */
export async function endFor(
  life: Life,
  { runId, why, message }: OwnEnd & { readonly runId: string },
  { needs, drive }: Pick<Tools, "needs" | "drive">,
): Promise<void> {
  await life.commit((record) => {
    if (life.run?.id !== runId || record.exit !== null || record.stopping !== null) return null;
    return { saveProc: { ...record, stopping: stoppingOf(record, { why, message }, needs.clock.now()) } };
  });
  drive(life);
}

/** Its time is over: it is asked to end, unless that is under way. */
export async function expire(life: Life, { clock }: Pick<Needs, "clock">): Promise<void> {
  await life.commit((record) => {
    if (record.exit !== null || record.stopping !== null || record.wanted !== "running") return null;
    return { saveProc: { ...record, stopping: stoppingOf(record, { why: "ttl" }, clock.now()) } };
  });
}

/**
 * Starts it again now: with its grace where it runs, at once where it waits for that. One that is just being started is
 * left to it. Errors: `proc-ended`, and `proc-not-found` where it goes meanwhile.
 */
export async function wantRestart(
  life: Life,
  request: StopRequest,
  { clock }: Pick<Needs, "clock">,
): Promise<void> {
  await life.commit((record) => {
    const { id, state, wanted } = record;
    if (finalStates.includes(state) || wanted !== "running" || record.stopping?.why === "ttl") {
      throw new SharkuError(
        "proc-ended",
        `Cannot restart proc "${id}": it has ended or is about to, which is for good; create another`,
      );
    }
    const now = clock.now();
    if (state === "backoff")
      return { saveProc: { ...record, attempts: 0, nextRestartAt: now.toISOString() } };
    if (state === "init" || state === "boot") return null;
    return { saveProc: { ...record, stopping: stoppingOf(record, { why: "restart", request }, now) } };
  });
  if (life.isForgotten) throw notFound(life.id);
}

/** Errors: `proc-not-running`. */
export async function sendSignal(
  { id, record, run }: Life,
  signal: NodeJS.Signals,
  { isolation }: Pick<Needs, "isolation">,
): Promise<void> {
  const { state, exit } = record;
  if (run === null || exit !== null || (state !== "running" && state !== "stopping")) {
    throw new SharkuError(
      "proc-not-running",
      `Cannot send ${signal} to proc "${id}": it is ${state}, wanted was running`,
    );
  }
  await isolation.signal(run.id, signal);
}

/** What a wish to end makes of one that is under way: its words are the newest, its grace is the shorter. */
function stoppingOf(
  { spec, stopping }: ProcRecord,
  { why, message, request = {} }: { why: EndWhy; message?: string; request?: StopRequest },
  now: Date,
): Stopping {
  const asked = new Date(now.getTime() + (request.graceMs ?? spec.stop.graceMs)).toISOString();
  const before = stopping?.deadline;
  const isShorter = before === undefined || (request.graceMs !== undefined && asked < before);
  return {
    signal: stopping?.signal ?? request.signal ?? spec.stop.signal,
    deadline: isShorter ? asked : before,
    why,
    ...(message !== undefined && { message }),
  };
}
