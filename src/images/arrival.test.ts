import assert from "node:assert/strict";
import { test } from "node:test";
import { Arrival } from "./arrival.ts";

test("Arrival tells how fast it comes and how long it will take, from its first byte to its last file", async () => {
  let nowMs = 0;
  const arrival = new Arrival(() => nowMs);
  const nothing = { bytes: 0, totalBytes: null, bytesPerSecond: 0, remainingMs: null, files: 0 };
  nowMs = 60_000;
  assert.deepEqual(arrival.progress, { phase: "waiting", ...nothing });

  arrival.begin(4000);
  const chunks = (async function* () {
    for (const passedMs of [250, 750, 1000]) {
      nowMs += passedMs;
      yield new Uint8Array(1000);
    }
  })();
  const seen: unknown[] = [];
  arrival.watch(() => {
    const { bytes, bytesPerSecond, remainingMs } = arrival.progress;
    seen.push([bytes, bytesPerSecond, remainingMs]);
  });
  for await (const _ of arrival.count(chunks));
  assert.deepEqual(seen, [
    [1000, 4000, null],
    [2000, 2000, 1000],
    [3000, 1500, 667],
  ]);

  arrival.enter("unpacking");
  arrival.countFiles(7);
  nowMs += 60_000;
  const whole = { bytes: 3000, totalBytes: 4000, bytesPerSecond: 1500, remainingMs: 0, files: 7 };
  assert.deepEqual(arrival.progress, { phase: "unpacking", ...whole });
  arrival.enter("storing");
  assert.deepEqual(arrival.progress, { phase: "storing", ...whole });
  arrival.enter("unpacking");
  assert.deepEqual(arrival.progress, { phase: "unpacking", ...whole, files: 0 }, "a second try begins anew");
});

test("Arrival tells of no bytes that whoever takes them refuses", async () => {
  const arrival = new Arrival(() => 0);
  let told = 0;
  arrival.watch(() => {
    told += 1;
  });
  arrival.begin(null);
  for await (const _ of arrival.count([new Uint8Array(1), new Uint8Array(1)] as never)) break;
  assert.equal(told, 0);
});
