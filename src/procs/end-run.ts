import type { StopRequest } from "../contract/proc.ts";
import { finalStates } from "../contract/states.ts";
import type { Life } from "./life.ts";
import type { Needs } from "./needs.ts";
import type { EndWhy, ProcRecord, Stopping } from "./record.ts";
import type { Tools } from "./steps.ts";

/** A reason of the daemon's own to end a run, with what its owner is to be told. */
export interface OwnEnd {
  readonly why: Exclude<EndWhy, "stopped">;
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
