import type { DatabaseSync } from "node:sqlite";
import type { Delivery } from "../contract/callback.ts";
import type { Event } from "../contract/event.ts";
import type { Asks, DeliveryEnd } from "./protocol.ts";
import { integerOf, integerOrNullOf, type Row, textOf, textOrNullOf } from "./row.ts";

/** A page never holds more, whatever is asked for. */
const PAGE_DELIVERIES_MAX = 1000;

/** What has become of the deliveries that wait no more. It goes with its event. */
export class DeliveriesTable {
  readonly #sql;

  constructor(database: DatabaseSync) {
    this.#sql = prepareAll(database);
  }

  /** Its row of the outbox, as it was before it left, and how it ended. */
  keep(row: Row, { outcome, word, at, attempts }: DeliveryEnd & { readonly attempts: number }): void {
    this.#sql.keep.run(
      ...[integerOf(row, "event_seq"), textOf(row, "proc_id"), textOf(row, "url"), outcome],
      ...[attempts, word, attempts === 0 ? null : at, at],
    );
  }

  /** One that is called off before it was ever tried. */
  keepUntried(event: Event, url: string): void {
    const at = Date.parse(event.time);
    this.#sql.keep.run(event.seq, event.procId, url, "called-off", 0, null, null, at);
  }

  list({ procId, after, limit }: Asks["listDeliveries"]): Delivery[] {
    const most = Math.min(limit, PAGE_DELIVERIES_MAX);
    return this.#sql.page.all({ procId, after, most }).map(deliveryOf);
  }

  /** Takes out what is to be delivered again, the oldest first. */
  take({ procId, wanted, limit }: Asks["replayCallbacks"]): Row[] {
    const { seqs = null, from = null, to = null } = wanted;
    const inVain = seqs === null && from === null && to === null ? 1 : 0;
    const chosen = this.#sql.choose.all({
      ...{ procId, inVain, limit, from: from ?? 1, to: to ?? Number.MAX_SAFE_INTEGER },
      seqs: seqs === null ? null : JSON.stringify(seqs),
    });
    for (const row of chosen) this.#sql.remove.run(integerOf(row, "event_seq"));
    return chosen;
  }
}

function prepareAll(database: DatabaseSync) {
  return {
    keep: database.prepare(
      `INSERT OR REPLACE INTO deliveries
         (event_seq, proc_id, url, outcome, attempts, last_word, last_attempt_at, finished_at)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
    ),
    remove: database.prepare("DELETE FROM deliveries WHERE event_seq = ?"),
    choose: database.prepare(
      `SELECT event_seq, proc_id, url FROM deliveries
       WHERE proc_id = :procId AND event_seq BETWEEN :from AND :to
         AND (:seqs IS NULL OR event_seq IN (SELECT value FROM json_each(:seqs)))
         AND (:inVain = 0 OR outcome <> 'delivered')
       ORDER BY event_seq LIMIT :limit`,
    ),
    page: database.prepare(
      `SELECT d.*, e.id, e.type, e.time, json_extract(e.body, '$.state') AS state FROM (
         SELECT event_seq, url, 'waiting' AS status, attempts, last_error AS last_word, last_attempt_at,
           next_attempt_at, NULL AS finished_at
         FROM callbacks WHERE proc_id = :procId AND event_seq > :after
         UNION ALL
         SELECT event_seq, url, outcome, attempts, last_word, last_attempt_at, NULL, finished_at
         FROM deliveries WHERE proc_id = :procId AND event_seq > :after
         ORDER BY event_seq LIMIT :most) d
       JOIN events e ON e.seq = d.event_seq ORDER BY d.event_seq`,
    ),
  };
}

function deliveryOf(row: Row): Delivery {
  // `as`, three times: the outbox and the journal wrote them from these very types.
  const status = textOf(row, "status") as Delivery["status"];
  return {
    seq: integerOf(row, "event_seq"),
    id: textOf(row, "id"),
    type: textOf(row, "type") as Delivery["type"],
    state: textOf(row, "state") as Delivery["state"],
    time: textOf(row, "time"),
    host: new URL(textOf(row, "url")).host,
    status,
    attempts: integerOf(row, "attempts"),
    lastWord: textOrNullOf(row, "last_word"),
    lastAttemptAt: timeOf(row, "last_attempt_at"),
    nextAttemptAt: timeOf(row, "next_attempt_at"),
    deliveredAt: status === "delivered" ? timeOf(row, "finished_at") : null,
  };
}

/** 0 stands for a first attempt that is due as soon as there is room for it. */
function timeOf(row: Row, column: string): string | null {
  const ms = integerOrNullOf(row, column);
  return ms === null || ms === 0 ? null : new Date(ms).toISOString();
}
