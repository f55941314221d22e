import type { DatabaseSync } from "node:sqlite";
import type { Event } from "../contract/event.ts";
import { eventColumns, eventOf } from "./events-table.ts";
import type { Asks, DueCallback, DueCallbacks, DueQuery } from "./protocol.ts";
import { integerOf, integerOrNullOf, type Row, textOf } from "./row.ts";

/**
 * The outbox of callbacks. A lane is the deliveries of one proc to one URL; only its oldest row has a time when it
 * is due. So the order holds by itself, and finding what is due costs a few steps per target, however many wait.
 */
export class CallbacksTable {
  readonly #sql;

  constructor(database: DatabaseSync) {
    this.#sql = prepareAll(database);
  }

  add(event: Event, url: string): void {
    if (this.#sql.isDropped.get(event.procId, url)) return;
    const waits = this.#sql.headOfLane.get(event.procId, url) !== undefined;
    this.#sql.insert.run(event.seq, event.procId, url, new URL(url).origin, waits ? null : 0);
  }

  /** The delivery is over, well or given up: the next of its lane is due. */
  done(seq: number): void {
    const row = this.#sql.remove.get(seq);
    if (!row) return;
    const head = this.#sql.headOfLane.get(textOf(row, "proc_id"), textOf(row, "url"));
    if (head) this.#sql.makeDue.run(integerOf(head, "event_seq"));
  }

  failed(ask: Asks["callbackFailed"]): void {
    this.#sql.fail.run(ask.nextAttemptAt, ask.error, ask.seq);
  }

  /** Ends a lane for good; events to come no longer enter it. */
  drop(ask: Asks["dropCallbacks"]): void {
    this.#sql.removeLane.run(ask.procId, ask.url);
    this.#sql.rememberDropped.run(ask.url, ask.procId);
  }

  due(query: DueQuery): DueCallbacks {
    const due: DueCallback[] = [];
    let nextAt: number | null = null;
    for (const target of this.#targets(query)) {
      const next = integerOrNullOf(this.#sql.nextOfTarget.get(target, query.now) ?? { next: null }, "next");
      if (next !== null && (nextAt === null || next < nextAt)) nextAt = next;
      if (due.length < query.limit)
        due.push(...this.#dueOf(target, query).slice(0, query.limit - due.length));
    }
    return { due, nextAt };
  }

  #dueOf(target: string, query: DueQuery): DueCallback[] {
    if (query.skipTargets.includes(target)) return [];
    const seqs = this.#sql.dueOfTarget
      .all(target, query.now, query.perTarget + query.skipSeqs.length)
      .map((row) => integerOf(row, "event_seq"))
      .filter((seq) => !query.skipSeqs.includes(seq));
    return seqs.slice(0, query.perTarget).flatMap((seq) => {
      const row = this.#sql.withEvent.get(seq);
      return row ? [dueCallbackOf(row)] : [];
    });
  }

  /** Every target once, by one step of the index each, beginning after the one named. */
  *#targets(query: DueQuery): Generator<string> {
    let wrapped = false;
    let at = query.afterTarget;
    while (true) {
      // Ends: `at` grows with each step, goes back to the start once, and stops where it began.
      const row = this.#sql.targetAfter.get(at);
      if (row) at = textOf(row, "target");
      if (wrapped && (!row || at > query.afterTarget)) return;
      if (row) yield at;
      else [wrapped, at] = [true, ""];
    }
  }
}

function prepareAll(database: DatabaseSync) {
  return {
    insert: database.prepare(
      "INSERT INTO callbacks (event_seq, proc_id, url, target, next_attempt_at) VALUES (?, ?, ?, ?, ?)",
    ),
    isDropped: database.prepare("SELECT 1 FROM dropped_callbacks WHERE proc_id = ? AND url = ?"),
    headOfLane: database.prepare(
      "SELECT event_seq FROM callbacks WHERE proc_id = ? AND url = ? ORDER BY event_seq LIMIT 1",
    ),
    remove: database.prepare("DELETE FROM callbacks WHERE event_seq = ? RETURNING proc_id, url"),
    makeDue: database.prepare("UPDATE callbacks SET next_attempt_at = 0 WHERE event_seq = ?"),
    fail: database.prepare(
      "UPDATE callbacks SET attempts = attempts + 1, next_attempt_at = ?, last_error = ? WHERE event_seq = ?",
    ),
    removeLane: database.prepare("DELETE FROM callbacks WHERE proc_id = ? AND url = ?"),
    // A proc that is gone has no events to come, and no row could refer to it.
    rememberDropped: database.prepare(
      "INSERT OR IGNORE INTO dropped_callbacks (proc_id, url) SELECT id, ? FROM procs WHERE id = ?",
    ),
    targetAfter: database.prepare(
      `SELECT target FROM callbacks WHERE target > ? AND next_attempt_at IS NOT NULL
       ORDER BY target LIMIT 1`,
    ),
    nextOfTarget: database.prepare(
      "SELECT min(next_attempt_at) AS next FROM callbacks WHERE target = ? AND next_attempt_at > ?",
    ),
    dueOfTarget: database.prepare(
      `SELECT event_seq FROM callbacks WHERE target = ? AND next_attempt_at <= ?
       ORDER BY next_attempt_at LIMIT ?`,
    ),
    withEvent: database.prepare(
      `SELECT c.url, c.target, c.attempts, ${eventColumns}
       FROM callbacks c JOIN events e ON e.seq = c.event_seq WHERE c.event_seq = ?`,
    ),
  };
}

function dueCallbackOf(row: Row): DueCallback {
  return {
    event: eventOf(row),
    url: textOf(row, "url"),
    target: textOf(row, "target"),
    attempts: integerOf(row, "attempts"),
  };
}
