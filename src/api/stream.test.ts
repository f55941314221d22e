import assert from "node:assert/strict";
import { once } from "node:events";
import { type IncomingMessage, request, type ServerResponse } from "node:http";
import { afterEach, describe, it } from "node:test";
import { setImmediate as nextTurn } from "node:timers/promises";
import Fastify from "fastify";
import { type StreamForm, sendStream } from "./stream.ts";

const RECORDS = 2_000;
const LINE = "x".repeat(8_000);
const DEADLINE_MS = 10_000;

interface Item {
  readonly seq: number;
  readonly line: string;
}

const form: StreamForm<Item> = { sseId: ({ seq }) => String(seq) };

/** A server of one stream, what is known of it, and the answer as a caller that has not begun to read gets it. */
async function openStream(count: number) {
  const seen = { ended: false, listenersMax: 0, waits: 0 };
  let raw: ServerResponse | undefined;
  async function* records(): AsyncGenerator<Item> {
    try {
      for (let seq = 0; seq < count; seq += 1) {
        yield { seq, line: LINE };
        seen.listenersMax = Math.max(seen.listenersMax, raw ? listenersOf(raw) : 0);
      }
    } finally {
      seen.ended = true;
    }
  }
  const app = Fastify();
  app.get("/", async (_request, reply) => {
    raw = reply.raw;
    raw.on("drain", () => (seen.waits += 1));
    await sendStream(records(), { reply, kind: "ndjson", form, waits: false });
    return reply;
  });
  const url = await app.listen({ port: 0, host: "127.0.0.1" });
  const call = request(url, { agent: false }).end();
  // Node gives the event's arguments without their types.
  const [answer] = (await once(call, "response")) as [IncomingMessage];
  return { app, answer, seen, isFull: () => raw?.writableNeedDrain === true };
}

function listenersOf(raw: ServerResponse): number {
  return raw.listenerCount("close") + raw.listenerCount("error") + raw.listenerCount("drain");
}

async function until(isSo: () => boolean): Promise<void> {
  const deadline = performance.now() + DEADLINE_MS;
  while (!isSo()) {
    assert.ok(performance.now() < deadline, "it did not come to be so in time");
    await nextTurn();
  }
}

describe("sendStream()", () => {
  const warnings: Error[] = [];
  const keep = (warning: Error) => void warnings.push(warning);
  afterEach(() => process.off("warning", keep));

  it("gives all to a slow reader, and gathers no listeners while it waits", async () => {
    process.on("warning", keep);
    const { app, answer, seen, isFull } = await openStream(RECORDS);
    await using _ = { [Symbol.asyncDispose]: () => app.close() };
    await until(isFull);
    const few = seen.listenersMax;
    let text = "";
    for await (const chunk of answer) text += String(chunk);
    const seqs = text
      .trimEnd()
      .split("\n")
      .map((line): number => JSON.parse(line).seq);
    assert.deepEqual(
      seqs,
      Array.from({ length: RECORDS }, (_value, seq) => seq),
    );
    assert.ok(seen.waits > 20, `it waited ${seen.waits} times only`);
    assert.ok(seen.listenersMax <= few + 2, `${few} listeners became ${seen.listenersMax}`);
    assert.deepEqual(warnings, []);
  });

  it("ends when the caller goes while the stream waits for it", async () => {
    const { app, answer, seen, isFull } = await openStream(Number.POSITIVE_INFINITY);
    await using _ = { [Symbol.asyncDispose]: () => app.close() };
    await until(isFull);
    answer.on("error", () => undefined).destroy();
    await until(() => seen.ended);
  });
});
