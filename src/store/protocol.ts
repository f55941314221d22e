import type { Delivery, ReplayRequest } from "../contract/callback.ts";
import type { ErrorCode } from "../contract/errors.ts";
import type { Event } from "../contract/event.ts";
import type { Change, ProcRecord, RunRecord } from "../procs/record.ts";

/** What the two sides of the store say to each other: the daemon's thread asks, the worker answers. */

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
  /** When it entered the outbox: when its event happened, or when it was asked for again. */
  readonly since: string;
}

/** How a delivery ended. */
export interface DeliveryEnd {
  readonly outcome: Exclude<Delivery["status"], "waiting">;
  /** What came of the last attempt; null where nobody knows. */
  readonly word: string | null;
  /** Milliseconds since 1970. */
  readonly at: number;
}

export interface DueQuery {
  /** Milliseconds since 1970. */
  readonly now: number;
  /** At most so many in all, and so many of one target. */
  readonly limit: number;
  readonly perTarget: number;
  /** Deliveries and targets that are not wanted now. */
  readonly skipSeqs: readonly number[];
  readonly skipTargets: readonly string[];
  /** Begins with the target after this one and goes round, so that each gets its turn. */
  readonly afterTarget: string;
}

export interface DueCallbacks {
  readonly due: readonly DueCallback[];
  /** When the next one falls due that does not yet, in milliseconds since 1970; null where there is none. */
  readonly nextAt: number | null;
}

export interface EventRange {
  /** The oldest that is kept; one more than `lastSeq` where none is. */
  readonly firstSeq: number;
  /** The highest number ever given, 0 before the first. */
  readonly lastSeq: number;
}

/** A page of the journal, and the oldest event that it still tells. */
export interface EventPage {
  readonly events: readonly Event[];
  readonly firstSeq: number;
}

export interface Asks {
  commit: Change;
  setMeta: { readonly key: string; readonly value: string };
  callbackDone: { readonly seq: number; readonly end: DeliveryEnd };
  callbackFailed: {
    readonly seq: number;
    readonly nextAttemptAt: number;
    readonly error: string;
    readonly at: number;
  };
  dropCallbacks: {
    readonly procId: string;
    readonly url: string;
    readonly word: string;
    readonly at: number;
  };
  replayCallbacks: {
    readonly procId: string;
    readonly wanted: ReplayRequest;
    readonly limit: number;
    readonly at: number;
  };
  /** Lets events go that are older than `before` or more than so many; looks at no more than `limit` of them. */
  trimEvents: { readonly eventsMax: number; readonly before: string; readonly limit: number };
  load: null;
  getMeta: { readonly key: string };
  readEvents: { readonly after: number; readonly limit: number; readonly procId?: string };
  eventRange: null;
  dueCallbacks: DueQuery;
  listDeliveries: { readonly procId: string; readonly after: number; readonly limit: number };
  close: null;
}

export interface Answers {
  commit: Event | null;
  setMeta: null;
  callbackDone: null;
  callbackFailed: null;
  dropCallbacks: null;
  replayCallbacks: number[];
  /** Whether there are more to go. */
  trimEvents: boolean;
  load: { procs: ProcRecord[]; runs: RunRecord[]; seq: number };
  getMeta: string | null;
  readEvents: EventPage;
  eventRange: EventRange;
  dueCallbacks: DueCallbacks;
  listDeliveries: Delivery[];
  close: null;
}

export type CallName = keyof Asks;

/** What is done inside the turn's one transaction; everything else reads after its commit. */
export const writeNames = [
  "commit",
  "setMeta",
  "callbackDone",
  "callbackFailed",
  "dropCallbacks",
  "replayCallbacks",
  "trimEvents",
] as const satisfies readonly CallName[];

export type Request<N extends CallName = CallName> = {
  [K in N]: { readonly id: number; readonly name: K; readonly ask: Asks[K] };
}[N];

export type Handlers = { readonly [N in CallName]: (ask: Asks[N]) => Answers[N] };

/** `code` is null where the failure is a fault of the daemon and none of its users'. */
export type Answer =
  | { readonly id: number; readonly ok: true; readonly value: Answers[CallName] }
  | { readonly id: number; readonly ok: false; readonly code: ErrorCode | null; readonly message: string };

export type FromWorker =
  | { readonly kind: "opened" }
  | { readonly kind: "refused"; readonly message: string }
  | { readonly kind: "answers"; readonly answers: readonly Answer[] };
