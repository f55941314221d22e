import { setTimeout as timer } from "node:timers/promises";

/** The only place that knows the time of day; the rooms get it as a need, so that tests can turn it. */
export const systemClock = {
  now: () => new Date(),
  elapsedMs: () => performance.now(),
  sleep: (ms: number, signal?: AbortSignal): Promise<void> =>
    timer(ms, undefined, signal ? { ref: false, signal } : { ref: false }),
};

/** As `sleep`, but for somebody who waits for the end of it: Node stays alive. */
export function pause(ms: number): Promise<void> {
  return timer(ms);
}
