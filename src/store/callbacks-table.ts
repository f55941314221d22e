import type { DatabaseSync } from "node:sqlite";
import type { Event } from "../contract/event.ts";
import type { DeliveriesTable } from "./deliveries-table.ts";
import { eventColumns, eventOf } from "./events-table.ts";
import type { Asks, DueCallback, DueCallbacks, DueQuery } from "./protocol.ts";
import { integerOf, integerOrNullOf, type Row, textOf, textOrNullOf } from "./row.ts";

/**
 * The outbox of callbacks. A lane is the deliveries of one proc to one URL; only its first row has a time when it
 * is due. So the order holds by itself, and finding what is due costs a few steps per target, however many wait.
 */
export class CallbacksTable {
  readonly #sql;
  readonly #log: DeliveriesTable;

  constructor(database: DatabaseSync, log: DeliveriesTable) {
    this.#sql = prepareAll(database);
    this.#log = log;
  }

  add(event: Event, { url, secrets }: { url: string; secrets: readonly string[] }): void {
    if (secrets.length > 0) this.#sql.saveSecrets.run(event.procId, url, JSON.stringify(secrets));
    if (this.#sql.isDropped.get(event.procId, url)) this.#log.keepUntried(event, url);
    else this.#insert({ seq: event.seq, procId: event.procId, url, replayedAt: null });
  }

  /** The delivery is over: it is kept in the log, and the next of its lane is due. Tells whether it was there. */
  done({ seq, end }: Asks["callbackDone"]): boolean {
    const row = this.#sql.remove.get(seq);
    if (!row) return false;
    this.#log.keep(row, { ...end, attempts: integerOf(row, "attempts") + 1 });
    const head = this.#sql.headOfLane.get(textOf(row, "proc_id"), textOf(row, "url"));
    if (head) this.#sql.makeDue.run(integerOf(head, "event_seq"));
    return true;
  }

  failed({ seq, nextAttemptAt, error, at }: Asks["callbackFailed"]): void {
    this.#sql.fail.run(nextAttemptAt, error, at, seq);
  }

  /** Ends a lane for good; events to come no longer enter it. The first of it is the one that was answered so. */
  drop({ procId, url, word, at }: Asks["dropCallbacks"]): void {
    const head = this.#sql.headOfLane.get(procId, url);
    for (const row of this.#sql.removeLane.all(procId, url)) {
      const wasTried = row["event_seq"] === head?.["event_seq"];
      const attempts = integerOf(row, "attempts") + (wasTried ? 1 : 0);
      const last = wasTried ? word : textOrNullOf(row, "last_error");
      this.#log.keep(row, { outcome: "called-off", word: last, at, attempts });
    }
    this.#sql.rememberDropped.run(url, procId);
  }

  /** Puts back what has left the outbox, behind all that waits; also where the receiver has called it off. */
  replay(ask: Asks["replayCallbacks"]): number[] {
    const rows = this.#log.take(ask);
    return rows.map((row) => {
      const [seq, procId, url] = [integerOf(row, "event_seq"), textOf(row, "proc_id"), textOf(row, "url")];
      this.#sql.forgetDropped.run(procId, url);
      this.#insert({ seq, procId, url, replayedAt: ask.at });
      return seq;
    });
  }

  #insert(entry: { seq: number; procId: string; url: string; replayedAt: number | null }): void {
    const { seq, procId, url, replayedAt } = entry;
    const waits = this.#sql.headOfLane.get(procId, url) !== undefined;
    const after = replayedAt === null ? 2 * seq : 2 * Number(this.#sql.lastSeq.get()?.["value"]) + 1;
    this.#sql.insert.run(
      ...[seq, procId, url, new URL(url).origin, waits ? null : 0],
      ...[after, replayedAt],
    );
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
      `INSERT INTO callbacks (event_seq, proc_id, url, target, next_attempt_at, position, replayed_at)
       VALUES (?, ?, ?, ?, ?, ?, ?)`,
    ),
    isDropped: database.prepare("SELECT 1 FROM dropped_callbacks WHERE proc_id = ? AND url = ?"),
    headOfLane: database.prepare(
      `SELECT event_seq FROM callbacks WHERE proc_id = ? AND url = ? ORDER BY position, event_seq LIMIT 1`,
    ),
    lastSeq: database.prepare("SELECT value FROM meta WHERE key = 'last_seq'"),
    saveSecrets: database.prepare(
      `INSERT INTO callback_secrets (proc_id, url, secrets) VALUES (?, ?, ?)
       ON CONFLICT (proc_id, url) DO UPDATE SET secrets = excluded.secrets`,
    ),
    remove: database.prepare("DELETE FROM callbacks WHERE event_seq = ? RETURNING *"),
    makeDue: database.prepare("UPDATE callbacks SET next_attempt_at = 0 WHERE event_seq = ?"),
    fail: database.prepare(
      `UPDATE callbacks SET attempts = attempts + 1, next_attempt_at = ?, last_error = ?, last_attempt_at = ?
       WHERE event_seq = ?`,
    ),
    removeLane: database.prepare("DELETE FROM callbacks WHERE proc_id = ? AND url = ? RETURNING *"),
    forgetDropped: database.prepare("DELETE FROM dropped_callbacks WHERE proc_id = ? AND url = ?"),
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
      `SELECT c.url, c.target, c.attempts, c.replayed_at, s.secrets, ${eventColumns}
       FROM callbacks c JOIN events e ON e.seq = c.event_seq
       LEFT JOIN callback_secrets s ON s.proc_id = c.proc_id AND s.url = c.url WHERE c.event_seq = ?`,
    ),
  };
}

function dueCallbackOf(row: Row): DueCallback {
  const event = eventOf(row);
  const replayedAt = integerOrNullOf(row, "replayed_at");
  return {
    event,
    url: textOf(row, "url"),
    // `as`: `add` wrote it from this very type.
    secrets: JSON.parse(textOrNullOf(row, "secrets") ?? "[]") as string[],
    target: textOf(row, "target"),
    attempts: integerOf(row, "attempts"),
    since: replayedAt === null ? event.time : new Date(replayedAt).toISOString(),
  };
}
