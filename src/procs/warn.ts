import type { Event } from "../contract/event.ts";
import { type Life, toldChange } from "./life.ts";
import type { Needs } from "./needs.ts";

/** Puts in the journal, in the proc's lane, what its owner should know of a run that goes on. */
export function warn(
  life: Life,
  { runId, type }: { runId: string; type: Event["type"] },
  needs: Needs,
): void {
  life.lane
    .run(async () => {
      if (life.isForgotten || life.run?.id !== runId || life.record.exit !== null) return;
      const { event } = toldChange(needs, type, life.record);
      await life.commit({ event });
    })
    .catch((fault: unknown) => needs.report(fault, { runId }));
}
