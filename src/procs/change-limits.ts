import { isDeepStrictEqual } from "node:util";
import { SharkuError } from "../contract/errors.ts";
import type { LiveLimits } from "../contract/proc.ts";
import { finalStates } from "../contract/states.ts";
import { type Life, toldChange } from "./life.ts";
import type { Needs } from "./needs.ts";

/**
 * Changes the limits of a proc, inside its lane. They hold before they are on record: a daemon that dies between the
 * two leaves what the record does not say, and the next one makes the record's hold again.
 * Errors: `proc-ended`, `limit-in-use`, `disk-full`; then nothing is changed.
 */
export async function changeLimits(life: Life, wanted: Partial<LiveLimits>, needs: Needs): Promise<void> {
  const { record, run, knowledge } = life;
  if (finalStates.includes(record.state) || record.exit !== null || record.wanted !== "running") {
    throw new SharkuError(
      "proc-ended",
      `Cannot change the limits of proc "${record.id}": it has ended or is about to, create another`,
    );
  }
  const before = record.spec.limits;
  const limits = { ...before, ...wanted };
  if (isDeepStrictEqual(limits, before)) return;
  const isLive = run !== null && knowledge.status === "running";
  if (isLive) await needs.isolation.applyLimits(run.id, limits);
  try {
    await life.commit((now) => {
      const changed = { ...now, spec: { ...now.spec, limits } };
      const { event } = toldChange(needs, "proc.changed", changed);
      return { saveProc: changed, event };
    });
  } catch (fault) {
    if (isLive) await needs.isolation.applyLimits(run.id, before);
    throw fault;
  }
}
