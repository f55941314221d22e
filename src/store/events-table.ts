import type { DatabaseSync } from "node:sqlite";
import type { Event } from "../contract/event.ts";
import type { Proc } from "../contract/proc.ts";
import type { NewEvent } from "../procs/record.ts";
import type { MetaTable } from "./meta-table.ts";
import type { Asks, EventRange } from "./protocol.ts";
import { integerOf, type Row, textOf } from "./row.ts";

/** A page never holds more, whatever is asked for. */
const PAGE_EVENTS_MAX = 1000;

const LAST_SEQ = "last_seq";

export const eventColumns = "e.seq, e.id, e.type, e.time, e.proc_id, e.body";

/** The journal: numbered here, inside the transaction that writes it, so that no number is left out. */
export class EventsTable {
  readonly #meta: MetaTable;
  readonly #insert;
  readonly #page;
  readonly #pageOfProc;
  readonly #first;

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
    this.#first = database.prepare("SELECT seq FROM events ORDER BY seq LIMIT 1");
  }

  append(event: NewEvent): Event {
    const seq = this.#lastSeq() + 1;
    this.#insert.run(seq, event.id, event.type, event.time, event.procId, JSON.stringify(event.proc));
    this.#meta.set(LAST_SEQ, String(seq));
    return { seq, ...event };
  }

  read(query: Asks["readEvents"]): Event[] {
    const limit = Math.min(query.limit, PAGE_EVENTS_MAX);
    const rows =
      query.procId === undefined
        ? this.#page.all(query.after, limit)
        : this.#pageOfProc.all(query.procId, query.after, limit);
    return rows.map(eventOf);
  }

  range(): EventRange {
    const lastSeq = this.#lastSeq();
    const first = this.#first.get();
    return { firstSeq: first ? integerOf(first, "seq") : lastSeq + 1, lastSeq };
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
