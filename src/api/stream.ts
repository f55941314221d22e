import { once } from "node:events";
import type { ServerResponse } from "node:http";
import type { FastifyReply, FastifyRequest } from "fastify";
import { cutOffLater } from "./problem.ts";

/** How a sequence of records is written. */
export interface StreamForm<T> {
  /** The id of a record in an SSE stream, by which a browser resumes. */
  readonly sseId: (record: T) => string;
  /** A line of plain text, where the caller asks for text and the records have one. */
  readonly textLine?: (record: T) => string;
}

/** Lines that keep proxies and browsers from giving up a quiet SSE stream, in milliseconds. */
const HEARTBEAT_MS = 15_000;

export type StreamKind = "ndjson" | "sse" | "text";

export function streamKind(request: FastifyRequest, hasText: boolean): StreamKind {
  const accept = request.headers.accept ?? "";
  if (accept.includes("text/event-stream")) return "sse";
  return hasText && accept.includes("text/plain") ? "text" : "ndjson";
}

const contentTypes: Readonly<Record<StreamKind, string>> = {
  ndjson: "application/x-ndjson; charset=utf-8",
  sse: "text/event-stream; charset=utf-8",
  text: "text/plain; charset=utf-8",
};

/** Ends when the caller has gone or the answer is complete. */
export function callerGone(reply: FastifyReply): AbortSignal {
  const controller = new AbortController();
  reply.raw.once("close", () => controller.abort());
  return controller.signal;
}

/**
 * Writes records as they come, no faster than the caller reads. What is wrong with the request shows at the
 * first record or at once, and is answered as any error; after that the stream can only break off.
 */
export async function sendStream<T>(
  records: AsyncIterable<T>,
  {
    reply,
    kind,
    form,
    waits,
  }: { reply: FastifyReply; kind: StreamKind; form: StreamForm<T>; waits: boolean },
): Promise<void> {
  const gone = callerGone(reply);
  const iterator = records[Symbol.asyncIterator]();
  const first = iterator.next();
  // One that follows may wait long for its first record; a mistake in the request shows before that.
  await (waits ? Promise.race([first, nextTurn()]) : first);
  reply.hijack();
  const { raw } = reply;
  raw.writeHead(200, {
    "content-type": contentTypes[kind],
    "cache-control": "no-store",
    "x-content-type-options": "nosniff",
  });
  raw.flushHeaders();
  const heartbeat = kind === "sse" ? setInterval(() => raw.write(": quiet\n\n"), HEARTBEAT_MS) : undefined;
  try {
    for (let next = await first; next.done !== true; next = await iterator.next()) {
      if (raw.destroyed) return;
      await write(raw, { text: encode(next.value, kind, form), gone });
    }
    raw.end();
    if (!raw.req.complete) cutOffLater(raw.req);
  } catch (fault) {
    reply.log.warn({ err: fault }, "a stream broke off");
    raw.destroy();
  } finally {
    clearInterval(heartbeat);
    await iterator.return?.();
  }
}

/** Comes back when more may be written, or nobody is there to write to. Leaves no listener on the answer. */
async function write(
  raw: ServerResponse,
  { text, gone }: { text: string; gone: AbortSignal },
): Promise<void> {
  if (raw.write(text)) return;
  try {
    await once(raw, "drain", { signal: gone });
  } catch (fault) {
    if (!gone.aborted) throw fault;
  }
}

function encode<T>(record: T, kind: StreamKind, form: StreamForm<T>): string {
  const json = JSON.stringify(record);
  if (kind === "sse") return `id: ${form.sseId(record)}\ndata: ${json}\n\n`;
  return `${kind === "text" && form.textLine ? form.textLine(record) : json}\n`;
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
