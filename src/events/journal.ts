import type { Event, EventRecord, Gap } from "../contract/event.ts";
import type { Journal } from "../procs/needs.ts";
import type { JournalStore } from "./needs.ts";

/** So many events are read at once. */
export const PAGE_EVENTS = 200;

/** So many events wait in memory for a reader; one that is slower than that reads them from the store instead. */
export const LIVE_EVENTS_MAX = 256;

export interface FollowOptions {
  /** The number of the last event that is known already; 0 for all. */
  readonly after: number;
  readonly procId?: string;
  readonly app?: string;
  readonly type?: Event["type"];
  /** Whether to go on with what happens from now. */
  readonly follow: boolean;
  /** Ends the iteration, quietly. */
  readonly signal: AbortSignal;
}

/**
 * Tells those who follow what happened, from any number on, without a double, and without a hole but where it says
 * so: a gap stands for what is kept no more.
 */
export class EventJournal implements Journal {
  readonly #store: JournalStore;
  readonly #followers = new Set<Follower>();
  readonly #stopping = new AbortController();

  constructor({ store }: { store: JournalStore }) {
    this.#store = store;
  }

  publish(event: Event): void {
    for (const follower of this.#followers) follower.offer(event);
  }

  /** Ends every iteration, as the daemon's end needs it. */
  stop(): void {
    this.#stopping.abort();
    for (const follower of this.#followers) follower.wake();
  }

  async *follow(options: FollowOptions): AsyncGenerator<EventRecord, void, void> {
    const follower = new Follower(options);
    const ended = () => options.signal.aborted || this.#stopping.signal.aborted;
    const wake = () => follower.wake();
    options.signal.addEventListener("abort", wake, { once: true });
    // Before the first page is read: what is published from now on is either on a page or in the buffer.
    if (options.follow) this.#followers.add(follower);
    try {
      const end = options.follow ? Number.POSITIVE_INFINITY : (await this.#store.eventRange()).lastSeq;
      while (!ended()) {
        yield* this.#readPages(follower, { end, ended });
        if (!options.follow) return;
        while (!ended() && !follower.isBehind) yield* follower.takeLive(ended);
      }
    } finally {
      this.#followers.delete(follower);
      options.signal.removeEventListener("abort", wake);
    }
  }

  async *#readPages(
    follower: Follower,
    { end, ended }: { end: number; ended: () => boolean },
  ): AsyncGenerator<EventRecord, void, void> {
    // Ends at the first page that is not full: the newest event is on it, or in the buffer.
    while (!ended()) {
      follower.beginPage();
      const { events: page, firstSeq } = await this.#store.readEvents(follower.pageQuery());
      const gap = follower.gapBefore(page[0], firstSeq);
      if (gap !== null && !ended()) {
        follower.at = gap.gap.to;
        yield gap;
      }
      for (const event of page) {
        if (ended() || event.seq > end) return;
        follower.at = event.seq;
        if (follower.wants(event)) yield event;
      }
      if (page.length < PAGE_EVENTS) return;
    }
  }
}

/** One reader: how far it has come, and what has happened since. */
class Follower {
  /** The number of the last event given to the reader. */
  at: number;
  readonly #options: FollowOptions;
  #live: Event[] = [];
  #isBehind = false;
  #wake: (() => void) | null = null;

  constructor(options: FollowOptions) {
    this.at = options.after;
    this.#options = options;
  }

  /** Whether events were left out of the buffer, which are in the store. */
  get isBehind(): boolean {
    return this.#isBehind;
  }

  wants({ procId, type, proc: { app } }: Event): boolean {
    const wanted = this.#options;
    return (
      procId === (wanted.procId ?? procId) && app === (wanted.app ?? app) && type === (wanted.type ?? type)
    );
  }

  /** What the journal has let go of before this reader came to it; a proc whose first event is here misses nothing. */
  gapBefore(first: Event | undefined, firstSeq: number): Gap | null {
    if (firstSeq - 1 <= this.at) return null;
    if (this.#options.procId !== undefined && first?.type === "proc.created") return null;
    return { gap: { from: this.at + 1, to: firstSeq - 1 } };
  }

  offer(event: Event): void {
    if (!this.wants(event)) return;
    if (this.#live.length < LIVE_EVENTS_MAX && !this.#isBehind) this.#live.push(event);
    else this.#fallBehind();
    this.wake();
  }

  wake(): void {
    this.#wake?.();
    this.#wake = null;
  }

  /** What was left out before a page is read is on that page or on a later one. */
  beginPage(): void {
    this.#isBehind = false;
  }

  pageQuery(): { after: number; limit: number; procId?: string } {
    const query = { after: this.at, limit: PAGE_EVENTS };
    const { procId } = this.#options;
    return procId === undefined ? query : { ...query, procId };
  }

  /** Gives what is in the buffer, or waits until there is something, or nothing more to wait for. */
  async *takeLive(ended: () => boolean): AsyncGenerator<Event, void, void> {
    if (this.#live.length === 0) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    // Taken one by one, so that the buffer's bound holds for all that waits for this reader.
    for (let event = this.#live.shift(); event && !ended(); event = this.#live.shift()) {
      if (event.seq <= this.at) continue;
      this.at = event.seq;
      yield event;
    }
  }

  #fallBehind(): void {
    this.#isBehind = true;
    this.#live = [];
  }
}
