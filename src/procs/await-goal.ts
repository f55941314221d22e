import { SharkuError } from "../contract/errors.ts";
import { finalStates, settledStates } from "../contract/states.ts";
import { healthView } from "./health-view.ts";
import type { Life } from "./life.ts";
import type { ProcRecord } from "./record.ts";

export type WaitGoal = "running" | "ready" | "exited" | "settled";

/** Ends as soon as the proc has reached the goal. Errors: `proc-not-found` where it goes meanwhile; `wait-timeout`. */
export async function awaitGoal(
  life: Life,
  { goal, timeoutMs, signal }: { goal: WaitGoal; timeoutMs: number; signal: AbortSignal },
): Promise<void> {
  const over = AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]);
  await new Promise<void>((resolve, reject) => {
    const check = () => {
      if (life.isForgotten) finish(() => reject(notFound(life.id)));
      else if (hasReached(life.record, goal)) finish(resolve);
    };
    const expire = () => finish(() => reject(tooLate(life, goal, timeoutMs)));
    const unwatch = life.watch(check);
    const finish = (answer: () => void) => {
      unwatch();
      over.removeEventListener("abort", expire);
      answer();
    };
    over.addEventListener("abort", expire, { once: true });
    if (signal.aborted) expire();
    else check();
  });
}

export function notFound(id: string): SharkuError {
  return new SharkuError(
    "proc-not-found",
    `Cannot find proc "${id}": there is none of that id, or it is forgotten`,
  );
}

function hasReached(record: ProcRecord, goal: WaitGoal): boolean {
  const { state, startedAt } = record;
  if (finalStates.includes(state)) return true;
  if (goal === "running") return startedAt !== null;
  if (goal === "ready") return healthView(record).readyAt !== null;
  return goal === "settled" && settledStates.includes(state);
}

function tooLate(life: Life, goal: WaitGoal, timeoutMs: number): SharkuError {
  const state = life.isForgotten ? "gone" : life.record.state;
  return new SharkuError(
    "wait-timeout",
    `Cannot wait longer for proc "${life.id}": it is ${state} after ${timeoutMs} ms, wanted was ${goal}; ask again`,
  );
}
