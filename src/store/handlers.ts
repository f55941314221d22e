import type { DatabaseSync } from "node:sqlite";
import type { Event } from "../contract/event.ts";
import type { Change } from "../procs/record.ts";
import { CallbacksTable } from "./callbacks-table.ts";
import { DeliveriesTable } from "./deliveries-table.ts";
import { EventsTable } from "./events-table.ts";
import { MetaTable } from "./meta-table.ts";
import { ProcsTable } from "./procs-table.ts";
import type { Handlers } from "./protocol.ts";

interface Tables {
  readonly meta: MetaTable;
  readonly procs: ProcsTable;
  readonly events: EventsTable;
  readonly callbacks: CallbacksTable;
}

/** What each call does to the tables. */
export function makeHandlers(database: DatabaseSync): Handlers {
  const meta = new MetaTable(database);
  const procs = new ProcsTable(database);
  const events = new EventsTable(database, meta);
  const deliveries = new DeliveriesTable(database);
  const callbacks = new CallbacksTable(database, deliveries);
  const tables = { meta, procs, events, callbacks };
  return {
    commit: (change) => applyChange(tables, change),
    setMeta: ({ key, value }) => nothing(meta.set(key, value)),
    callbackDone: (ask) => {
      const isOver = callbacks.done(ask);
      // One that was given up stays for as long as it may be asked for again.
      if (isOver && ask.end.outcome === "delivered") events.release(ask.seq);
      return null;
    },
    callbackFailed: (ask) => nothing(callbacks.failed(ask)),
    dropCallbacks: (ask) => nothing(callbacks.drop(ask)),
    replayCallbacks: (ask) => callbacks.replay(ask),
    trimEvents: (ask) => events.trim(ask),
    load: () => ({ procs: procs.allProcs(), runs: procs.allRuns(), seq: events.range().lastSeq }),
    getMeta: ({ key }) => meta.get(key),
    readEvents: (query) => events.read(query),
    eventRange: () => events.range(),
    dueCallbacks: (query) => callbacks.due(query),
    listDeliveries: (query) => deliveries.list(query),
    // The worker closes the database after this turn. SQLite then writes its log into the file and removes it; where
    // the disk is too full for that, the log stays and is read at the next opening.
    close: () => null,
  };
}

function applyChange({ procs, events, callbacks }: Tables, change: Change): Event | null {
  if (change.deleteRun !== undefined) procs.deleteRun(change.deleteRun);
  if (change.saveProc) procs.saveProc(change.saveProc);
  if (change.saveRun) procs.saveRun(change.saveRun);
  const event = change.event ? events.append(change.event) : null;
  if (event && change.callbackUrl)
    callbacks.add(event, { url: change.callbackUrl, secrets: change.callbackSecrets ?? [] });
  // After the event, whose delivery may be one that the receiver of this proc has called off.
  if (change.deleteProc !== undefined) procs.deleteProc(change.deleteProc);
  return event;
}

/** Calls that only write answer so. */
function nothing(_: unknown): null {
  return null;
}
