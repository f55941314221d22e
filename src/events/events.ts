/**
 * Events: tells what happened, to those who follow the journal and to the receivers of callbacks.
 *
 * It writes no event: the heart does, in one transaction with the change, and calls `publish` after. It knows
 * neither HTTP requests that come in nor how a stream is framed; the api does.
 *
 * INVARIANTS
 * - Whoever follows from a number gets every event after it, once, in order; being slow costs only time.
 * - Nothing is told or sent before it is on disk.
 * - A callback leaves the outbox only when it was delivered, called off (410) or given up after 72 hours.
 * - The callbacks of one proc are delivered one after the other, in the order of their events.
 * - Of a receiver's URL, only its host is ever logged.
 * - Every wait, queue and number of connections has a named bound.
 */
import type { Event } from "../contract/event.ts";
import type { Journal } from "../procs/needs.ts";
import { Callbacks } from "./callbacks.ts";
import { EventJournal, type FollowOptions } from "./journal.ts";
import type { CallbackNeeds, CallbackStore, JournalStore } from "./needs.ts";

export interface EventsNeeds extends CallbackNeeds {
  readonly store: CallbackStore & JournalStore;
}

export class Events implements Journal {
  readonly #journal: EventJournal;
  readonly #callbacks: Callbacks;

  constructor(needs: EventsNeeds) {
    this.#journal = new EventJournal(needs);
    this.#callbacks = new Callbacks(needs);
  }

  publish(event: Event): void {
    this.#journal.publish(event);
    this.#callbacks.wake();
  }

  /** The events after a number, then those to come where `follow` says so. Ends when the signal or `stop` says. */
  follow(options: FollowOptions): AsyncIterable<Event> {
    return this.#journal.follow(options);
  }

  /** Begins to deliver callbacks; called once, when the daemon has found its procs again. */
  start(): void {
    this.#callbacks.start();
  }

  /** Ends every iteration and every delivery; what was not delivered is, after the next start. */
  async stop(): Promise<void> {
    this.#journal.stop();
    await this.#callbacks.stop();
  }
}
