import Type, { type Static } from "typebox";
import { Proc } from "./proc.ts";
import { Cursor, ProcId, Time } from "./words.ts";

/**
 * What happened, numbered without gaps by `seq`, and with the proc as it was right after. `proc.image`: the image that
 * it names by URL is here, and has a digest. `proc.changed`: its limits are others now. `proc.disk-full`: it has filled
 * its /app, told once until there is room again; so are `proc.memory-high`, it uses more than nine tenths of its
 * memory, and `proc.pids-limit`, it was refused a process. `proc.oom`: the kernel has
 * killed a process of it for want of memory, and it goes on; of many kills it is told once a minute, and to no callback.
 * `proc.ready`, `proc.unready`, `proc.unhealthy`,
 * `proc.healthy`: what its checks have come to.
 */
export const eventTypes = [
  "proc.created",
  "proc.state",
  "proc.changed",
  "proc.disk-full",
  "proc.ready",
  "proc.unready",
  "proc.unhealthy",
  "proc.healthy",
  "proc.memory-high",
  "proc.pids-limit",
  "proc.oom",
  "proc.image",
  "proc.deleted",
] as const;

export const Event = Type.Object({
  seq: Type.Integer({ minimum: 1 }),
  id: Type.String({ description: "the same in the journal and in every delivery of a callback" }),
  type: Type.Enum([...eventTypes]),
  time: Time,
  procId: ProcId,
  proc: Proc,
});
export type Event = Static<typeof Event>;

/** Stands in a stream for events of which the journal tells no more, the first and the last of them. */
export const Gap = Type.Object({
  gap: Type.Object({ from: Type.Integer({ minimum: 1 }), to: Type.Integer({ minimum: 1 }) }),
});
export type Gap = Static<typeof Gap>;

/** What a stream of events is made of. */
export const EventRecord = Type.Union([Event, Gap]);
export type EventRecord = Static<typeof EventRecord>;

export const logStreams = ["stdout", "stderr", "system"] as const;

/** One line of a proc's log. `lineBase64` stands in for `line` where the bytes are not UTF-8. */
export const LogRecord = Type.Object({
  time: Type.String({ description: "RFC 3339, UTC, nanoseconds" }),
  stream: Type.Enum([...logStreams]),
  line: Type.Optional(Type.String()),
  lineBase64: Type.Optional(Type.String()),
  cursor: Cursor,
});
export type LogRecord = Static<typeof LogRecord>;
