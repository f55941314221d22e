import assert from "node:assert/strict";
import { test } from "node:test";
import { readRecords, TornLine } from "./ndjson.ts";

function streamOf(...chunks: (string | Uint8Array)[]): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder();
  return ReadableStream.from(
    chunks.map((chunk) => (typeof chunk === "string" ? encoder.encode(chunk) : chunk)),
  );
}

test("readRecords() joins what chunks have torn, also within a letter", async () => {
  const bytes = new TextEncoder().encode('{"line":"grüße"}\n{"line":"b"}\n');
  for (let size = 1; size < bytes.length; size += 1) {
    const chunks: Uint8Array[] = [];
    for (let at = 0; at < bytes.length; at += size) chunks.push(bytes.slice(at, at + size));
    const records = await Array.fromAsync(readRecords(streamOf(...chunks)));
    assert.deepEqual(records, [{ line: "grüße" }, { line: "b" }], `chunks of ${size}`);
  }
});

test("readRecords() takes empty lines for heartbeats", async () => {
  assert.deepEqual(await Array.fromAsync(readRecords(streamOf("\n\n1\n", "\n", "2\n"))), [1, 2]);
});

test("readRecords() gives what is whole and then fails where the last line has no end", async () => {
  const seen: unknown[] = [];
  await assert.rejects(async () => {
    for await (const record of readRecords(streamOf('{"a":1}\n{"a":'))) seen.push(record);
  }, TornLine);
  assert.deepEqual(seen, [{ a: 1 }]);
});

test("readRecords() fails at a line that is no JSON", async () => {
  await assert.rejects(Array.fromAsync(readRecords(streamOf("<html>\n"))), TornLine);
});

test("readRecords() fails at a line without end instead of keeping it all", async () => {
  let chunks = 0;
  const endless = new ReadableStream<Uint8Array>({
    pull(controller) {
      chunks += 1;
      controller.enqueue(new Uint8Array(1024 * 1024).fill(97));
    },
  });
  await assert.rejects(Array.fromAsync(readRecords(endless)), TornLine);
  assert.ok(chunks < 32, `${chunks} chunks were taken`);
});

test("readRecords() cancels the stream when its reader has seen enough", async () => {
  let cancelled = false;
  const stream = new ReadableStream<Uint8Array>({
    pull: (controller) => controller.enqueue(new TextEncoder().encode("1\n")),
    cancel: () => {
      cancelled = true;
    },
  });
  for await (const record of readRecords(stream)) {
    assert.equal(record, 1);
    break;
  }
  assert.equal(cancelled, true);
});
