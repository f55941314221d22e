import type { Clock } from "../procs/needs.ts";
import type { RetentionStore } from "./needs.ts";

/** How much of the journal is kept: whatever is over either of the two goes. */
export interface EventsKept {
  readonly eventsMax: number;
  readonly ms: number;
}

export interface RetentionNeeds {
  readonly store: RetentionStore;
  readonly clock: Clock;
  readonly kept: EventsKept;
  readonly report: (fault: unknown, context: Record<string, unknown>) => void;
}

/** Looked at so often. */
const TRIM_EVERY_MS = 60_000;

/** So many go in one step, a few milliseconds; what others commit meanwhile comes between two steps, and in the pause. */
const TRIM_EVENTS_MAX = 500;
const TRIM_PAUSE_MS = 10;

/** Lets old events go, step by step, until it is stopped. */
export class Retention {
  readonly #needs: RetentionNeeds;
  readonly #stopping = new AbortController();
  #done: Promise<void> = Promise.resolve();

  constructor(needs: RetentionNeeds) {
    this.#needs = needs;
  }

  /** Called once. */
  start(): void {
    this.#done = this.#run(this.#stopping.signal);
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#done;
  }

  async #run(signal: AbortSignal): Promise<void> {
    const { clock, report } = this.#needs;
    while (!signal.aborted) {
      try {
        await this.#trim(signal);
      } catch (fault) {
        report(fault, { doing: "letting old events go" });
      }
      await clock.sleep(TRIM_EVERY_MS, signal).catch(() => undefined);
    }
  }

  async #trim(signal: AbortSignal): Promise<void> {
    const { store, clock, kept } = this.#needs;
    const before = new Date(clock.now().getTime() - kept.ms).toISOString();
    const ask = { eventsMax: kept.eventsMax, before, limit: TRIM_EVENTS_MAX };
    // Ends where nothing is left to go: what comes meanwhile goes the next time.
    while (!signal.aborted && (await store.trimEvents(ask)))
      await clock.sleep(TRIM_PAUSE_MS, signal).catch(() => undefined);
  }
}
