import type { Delivery, ReplayRequest } from "../contract/callback.ts";
import type { Event } from "../contract/event.ts";
import type { Judge } from "../lib/judged-lookup.ts";
import type { Clock } from "../procs/needs.ts";

/** What this room asks of the others. */

export interface JournalStore {
  /**
   * The events after that number, oldest first, at most `limit`; of one proc where one is named. `firstSeq`: the
   * oldest that is kept; one more than the last where none is.
   */
  readEvents(query: {
    after: number;
    limit: number;
    procId?: string;
  }): Promise<{ readonly events: readonly Event[]; readonly firstSeq: number }>;
  /** `lastSeq` is the highest number given, 0 before the first. */
  eventRange(): Promise<{ readonly firstSeq: number; readonly lastSeq: number }>;
}

export interface RetentionStore {
  /**
   * Lets events go that are older than `before` or more than so many, looking at no more than `limit` of them.
   * Answers whether there are more to go. What an undelivered callback needs stays.
   */
  trimEvents(ask: { eventsMax: number; before: string; limit: number }): Promise<boolean>;
}

/** A delivery whose turn has come. */
export interface DueCallback {
  readonly event: Event;
  readonly url: string;
  /** What it is signed with; none where it is not. */
  readonly secrets: readonly string[];
  /** The origin of the URL: what is bounded together. */
  readonly target: string;
  /** How many times it was tried in vain. */
  readonly attempts: number;
  /** When it was asked for: when its event happened, or when it was asked for again. */
  readonly since: string;
}

export interface DueQuery {
  /** Milliseconds since 1970, as every `…At` here. */
  readonly now: number;
  readonly limit: number;
  readonly perTarget: number;
  readonly skipSeqs: readonly number[];
  readonly skipTargets: readonly string[];
  /** Begins with the target after this one and goes round. */
  readonly afterTarget: string;
}

/** The outbox. It gives the deliveries of one proc to one URL one at a time, in the order of their events. */
export interface CallbackStore {
  /** `nextAt`: when the next one falls due that does not yet, or null. */
  dueCallbacks(
    query: DueQuery,
  ): Promise<{ readonly due: readonly DueCallback[]; readonly nextAt: number | null }>;
  /** Takes a delivery out, made or given up, and keeps how it ended. Repeating it is fine. */
  callbackDone(
    seq: number,
    end: { outcome: Exclude<Delivery["status"], "waiting">; word: string | null; at: number },
  ): Promise<void>;
  callbackFailed(seq: number, failure: { nextAttemptAt: number; error: string; at: number }): Promise<void>;
  /** Calls off all deliveries of that proc to that URL, and those of events to come. */
  dropCallbacks(lane: { procId: string; url: string; word: string; at: number }): Promise<void>;
  /** Puts back what has left, behind what waits; answers with the numbers of the events. */
  replayCallbacks(ask: {
    procId: string;
    wanted: ReplayRequest;
    limit: number;
    at: number;
  }): Promise<number[]>;
  /** Of events after that number, oldest first. */
  listDeliveries(query: { procId: string; after: number; limit: number }): Promise<Delivery[]>;
}

export interface CallbackNeeds {
  readonly store: CallbackStore;
  readonly clock: Clock;
  /** From 0 up to, but without, 1. */
  readonly randomFraction: () => number;
  /** Why nothing may be sent to a place, or null. */
  readonly judge: Judge;
  /** The daemon's version of `Needs.report`: for what has nobody to be answered to. */
  readonly report: (fault: unknown, context: Record<string, unknown>) => void;
}
