/**
 * Events: tells what happened, to those who follow the journal and to the receivers of callbacks, and lets old
 * events go.
 *
 * It writes no event: the heart does, in one transaction with the change, and calls `publish` after. It knows
 * neither HTTP requests that come in nor how a stream is framed; the api does.
 *
 * INVARIANTS
 * - Whoever follows from a number gets every event after it, once, in order, or is told which are kept no more;
 *   being slow costs only time.
 * - Nothing is told or sent before it is on disk.
 * - A callback leaves the outbox only when it was delivered, called off (410) or given up after 72 hours, and can
 *   be put back for as long as its event is kept.
 * - The callbacks of one proc are delivered one after the other, in the order of their events.
 * - Of a receiver's URL, only its host is ever logged or told; of its secrets, nothing.
 * - Every wait, queue and number of connections has a named bound.
 */
import { type Delivery, REPLAY_MAX, type ReplayRequest } from "../contract/callback.ts";
import type { Event, EventRecord } from "../contract/event.ts";
import type { Journal } from "../procs/needs.ts";
import { Callbacks } from "./callbacks.ts";
import { EventJournal, type FollowOptions } from "./journal.ts";
import type { CallbackNeeds, CallbackStore, JournalStore, RetentionStore } from "./needs.ts";
import { type EventsKept, Retention } from "./retention.ts";

export interface EventsNeeds extends CallbackNeeds {
  readonly store: CallbackStore & JournalStore & RetentionStore;
  readonly kept: EventsKept;
}

export class Events implements Journal {
  readonly #needs: EventsNeeds;
  readonly #journal: EventJournal;
  readonly #callbacks: Callbacks;
  readonly #retention: Retention;

  constructor(needs: EventsNeeds) {
    this.#needs = needs;
    this.#journal = new EventJournal(needs);
    this.#callbacks = new Callbacks(needs);
    this.#retention = new Retention(needs);
  }

  publish(event: Event): void {
    this.#journal.publish(event);
    this.#callbacks.wake();
  }

  /** The events after a number, then those to come where `follow` says so. Ends when the signal or `stop` says. */
  follow(options: FollowOptions): AsyncIterable<EventRecord> {
    return this.#journal.follow(options);
  }

  /** What has become of the deliveries of a proc, also of one that is gone, for events after that number. */
  deliveries(procId: string, page: { after: number; limit: number }): Promise<Delivery[]> {
    return this.#needs.store.listDeliveries({ procId, ...page });
  }

  /** Has deliveries made again, behind those that wait; answers with the numbers of their events. */
  async replay(procId: string, wanted: ReplayRequest): Promise<number[]> {
    const at = this.#needs.clock.now().getTime();
    const seqs = await this.#needs.store.replayCallbacks({ procId, wanted, limit: REPLAY_MAX, at });
    this.#callbacks.wake();
    return seqs;
  }

  /** Begins to deliver callbacks and to let old events go; called once, when the daemon has found its procs again. */
  start(): void {
    this.#callbacks.start();
    this.#retention.start();
  }

  /** Ends every iteration and every delivery; what was not delivered is, after the next start. */
  async stop(): Promise<void> {
    this.#journal.stop();
    await Promise.all([this.#callbacks.stop(), this.#retention.stop()]);
  }
}
