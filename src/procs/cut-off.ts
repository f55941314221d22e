import type { Life } from "./life.ts";
import type { Needs } from "./needs.ts";
import { isToEnd } from "./record.ts";

/** A launch usually is over sooner; one that nobody wants any more is cut off then, and again until it is over. */
const CUT_OFF_MS = 500;

/**
 * Watches over a launch until `relax` is called: where its proc is to end and the runtime takes its time or hangs, what
 * is at work is ended, and the signal says so to what waits for its turn. Once the command may run, only at the end of
 * its grace: the supervisor goes too, and with it the code.
 */
export function cutOffWhenUnwanted(
  life: Life,
  needs: Needs,
): { readonly signal: AbortSignal; readonly relax: () => void } {
  const over = new AbortController();
  const cut = new AbortController();
  let isCutting = false;
  const check = () => {
    if (isCutting || life.isForgotten || !isToEnd(life.record)) return;
    isCutting = true;
    cutOff(life, needs, { over: over.signal, cut }).catch((fault: unknown) => {
      if (!over.signal.aborted) needs.report(fault, { procId: life.id });
    });
  };
  const unwatch = life.watch(check);
  check();
  const relax = () => {
    unwatch();
    over.abort();
  };
  return { signal: cut.signal, relax };
}

async function cutOff(
  life: Life,
  { clock, isolation }: Needs,
  { over, cut }: { over: AbortSignal; cut: AbortController },
): Promise<void> {
  while (!over.aborted) {
    // Ends with the launch, whose calls fail once nobody is at work on them.
    await clock.sleep(CUT_OFF_MS, over);
    const { run } = life;
    if (run === null || (run.released && !isOverdue(life, clock.now()))) continue;
    cut.abort();
    await isolation.interrupt(run.id);
  }
}

function isOverdue({ record }: Life, now: Date): boolean {
  return record.stopping !== null && now.toISOString() >= record.stopping.deadline;
}
