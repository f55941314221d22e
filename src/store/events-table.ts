import type { DatabaseSync } from "node:sqlite";
import type { Event } from "../contract/event.ts";
import type { Proc } from "../contract/proc.ts";
import type { NewEvent } from "../procs/record.ts";
import type { MetaTable } from "./meta-table.ts";
import type { Asks, EventPage, EventRange } from "./protocol.ts";
import { integerOf, type Row, textOf } from "./row.ts";

/** A page never holds more, whatever is asked for. */
const PAGE_EVENTS_MAX = 1000;

const LAST_SEQ = "last_seq";

/** Number of the oldest event that the journal still tells; what is older stays only while a callback needs it. */
const KEPT_FROM = "kept_from";

export const eventColumns = "e.seq, e.id, e.type, e.time, e.proc_id, e.body";

/** The journal: numbered here, inside the transaction that writes it, so that no number is left out. */
export class EventsTable {
  readonly #meta: MetaTable;
  readonly #insert;
  readonly #page;
  readonly #pageOfProc;
  readonly #first;
  readonly #oldest;
  readonly #removeOld;
  readonly #removeInVain;
  readonly #removeOne;
  readonly #removeSecrets;

  constructor(database: DatabaseSync, meta: MetaTable) {
    this.#meta = meta;
    this.#insert = database.prepare(
      "INSERT INTO events (seq, id, type, time, proc_id, body) VALUES (?, ?, ?, ?, ?, ?)",
    );
    this.#page = database.prepare(
      `SELECT ${eventColumns} FROM events e WHERE e.seq > ? ORDER BY e.seq LIMIT ?`,
    );
    this.#pageOfProc = database.prepare(
      `SELECT ${eventColumns} FROM events e WHERE e.proc_id = ? AND e.seq > ? ORDER BY e.seq LIMIT ?`,
    );
    this.#first = database.prepare("SELECT seq FROM events WHERE seq >= ? ORDER BY seq LIMIT 1");
    this.#oldest = database.prepare("SELECT seq, time FROM events WHERE seq >= ? ORDER BY seq LIMIT ?");
    this.#removeOld = database.prepare(
      `DELETE FROM events WHERE seq >= ? AND seq < ?
         AND NOT EXISTS (SELECT 1 FROM callbacks c WHERE c.event_seq = events.seq)
         AND NOT EXISTS (SELECT 1 FROM deliveries d WHERE d.event_seq = events.seq AND d.outcome <> 'delivered')
       RETURNING proc_id`,
    );
    this.#removeInVain = database.prepare(
      `DELETE FROM events WHERE seq IN (
         SELECT event_seq FROM deliveries WHERE outcome <> 'delivered' AND finished_at < ? AND event_seq < ?
         ORDER BY finished_at LIMIT ?)
       RETURNING proc_id`,
    );
    this.#removeOne = database.prepare("DELETE FROM events WHERE seq = ? AND seq < ? RETURNING proc_id");
    this.#removeSecrets = database.prepare(
      `DELETE FROM callback_secrets WHERE proc_id = ?
         AND NOT EXISTS (SELECT 1 FROM procs p WHERE p.id = callback_secrets.proc_id)
         AND NOT EXISTS (SELECT 1 FROM events e WHERE e.proc_id = callback_secrets.proc_id)`,
    );
  }

  append(event: NewEvent): Event {
    const seq = this.#lastSeq() + 1;
    this.#insert.run(seq, event.id, event.type, event.time, event.procId, JSON.stringify(event.proc));
    this.#meta.set(LAST_SEQ, String(seq));
    return { seq, ...event };
  }

  read(query: Asks["readEvents"]): EventPage {
    const limit = Math.min(query.limit, PAGE_EVENTS_MAX);
    const firstSeq = this.#firstSeq();
    const after = Math.max(query.after, firstSeq - 1);
    const rows =
      query.procId === undefined
        ? this.#page.all(after, limit)
        : this.#pageOfProc.all(query.procId, after, limit);
    return { events: rows.map(eventOf), firstSeq };
  }

  range(): EventRange {
    return { firstSeq: this.#firstSeq(), lastSeq: this.#lastSeq() };
  }

  /** Lets the oldest go, a few at a time, so that no commit waits long; tells whether there are more to go. */
  trim({ eventsMax, before, limit }: Asks["trimEvents"]): boolean {
    const from = this.#firstSeq();
    const lastSeq = this.#lastSeq();
    const oldest = this.#oldest.all(from, limit);
    const goes = (row: Row) => integerOf(row, "seq") <= lastSeq - eventsMax || textOf(row, "time") < before;
    // The first that stays ends it: what the journal tells has no hole.
    const count = oldest.findIndex((row) => !goes(row));
    const going = count < 0 ? oldest : oldest.slice(0, count);
    const newest = going.at(-1);
    const keptFrom = newest === undefined ? from : integerOf(newest, "seq") + 1;
    const removed = going.length === 0 ? [] : this.#removeOld.all(from, keptFrom);
    if (going.length > 0) this.#meta.set(KEPT_FROM, String(keptFrom));
    const inVain = this.#removeInVain.all(Date.parse(before), keptFrom, limit);
    this.#forgetSecrets([...removed, ...inVain]);
    return going.length === limit || inVain.length === limit;
  }

  /** A callback needs it no more; it goes where the journal has let go of it before. */
  release(seq: number): void {
    this.#forgetSecrets(this.#removeOne.all(seq, this.#keptFrom()));
  }

  #forgetSecrets(removed: readonly Row[]): void {
    for (const procId of new Set(removed.map((row) => textOf(row, "proc_id"))))
      this.#removeSecrets.run(procId);
  }

  /** Of the oldest that is told; one more than the last where none is. */
  #firstSeq(): number {
    const first = this.#first.get(this.#keptFrom());
    return first ? integerOf(first, "seq") : this.#lastSeq() + 1;
  }

  #keptFrom(): number {
    return Number(this.#meta.get(KEPT_FROM) ?? 1);
  }

  #lastSeq(): number {
    return Number(this.#meta.get(LAST_SEQ));
  }
}

/** Types alone come from the contract: its schemas would cost the worker's start most of its time. */
export function eventOf(row: Row): Event {
  return {
    seq: integerOf(row, "seq"),
    id: textOf(row, "id"),
    // `as`, twice: append wrote them from these very types.
    type: textOf(row, "type") as Event["type"],
    time: textOf(row, "time"),
    procId: textOf(row, "proc_id"),
    proc: JSON.parse(textOf(row, "body")) as Proc,
  };
}
