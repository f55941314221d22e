import type { DatabaseSync } from "node:sqlite";
import type { Event } from "../contract/event.ts";
import type { Change } from "../procs/record.ts";
import { CallbacksTable } from "./callbacks-table.ts";
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
  const callbacks = new CallbacksTable(database);
  const tables = { meta, procs, events, callbacks };
  return {
    commit: (change) => applyChange(tables, change),
    setMeta: ({ key, value }) => nothing(meta.set(key, value)),
    callbackDone: ({ seq }) => nothing(callbacks.done(seq)),
    callbackFailed: (ask) => nothing(callbacks.failed(ask)),
    dropCallbacks: (ask) => nothing(callbacks.drop(ask)),
    load: () => ({ procs: procs.allProcs(), runs: procs.allRuns(), seq: events.range().lastSeq }),
    getMeta: ({ key }) => meta.get(key),
    readEvents: (query) => events.read(query),
    eventRange: () => events.range(),
    dueCallbacks: (query) => callbacks.due(query),
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
  if (event && change.callbackUrl) callbacks.add(event, change.callbackUrl);
  // After the event, whose delivery may be one that the receiver of this proc has called off.
  if (change.deleteProc !== undefined) procs.deleteProc(change.deleteProc);
  return event;
}

/** Calls that only write answer so. */
function nothing(_: unknown): null {
  return null;
}
