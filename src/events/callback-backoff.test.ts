import assert from "node:assert/strict";
import { test } from "node:test";
import { nextPauseMs, parseRetryAfter } from "./callback-backoff.ts";

const since = "2026-01-01T00:00:00.000Z";
const now = new Date("2026-01-01T00:00:10.000Z");

test("nextPauseMs() grows to an hour, spread by a fifth to both sides", () => {
  const pause = (attempts: number, fraction: number) =>
    nextPauseMs({ attempts, since, retryAfterMs: null }, { now, fraction });

  assert.deepEqual(
    [0, 1, 2, 3, 6, 7, 1000].map((attempts) => pause(attempts, 0.5)),
    [1000, 5000, 15_000, 60_000, 3_600_000, 3_600_000, 3_600_000],
  );
  assert.deepEqual([pause(0, 0), pause(0, 1)], [800, 1200]);
});

test("nextPauseMs() takes the receiver's word within bounds, and gives up after 72 hours", () => {
  const pause = (retryAfterMs: number | null, at = now) =>
    nextPauseMs({ attempts: 5, since, retryAfterMs }, { now: at, fraction: 0.5 });

  assert.deepEqual([pause(7000), pause(0), pause(1e12)], [7000, 1000, 3_600_000]);
  assert.notEqual(pause(null, new Date("2026-01-03T23:59:59.000Z")), null);
  assert.equal(pause(7000, new Date("2026-01-04T00:00:00.000Z")), null);
});

test("parseRetryAfter() reads seconds and dates, and nothing else", () => {
  assert.deepEqual(
    ["120", "Thu, 01 Jan 2026 00:01:10 GMT", "Wed, 31 Dec 2025 00:00:00 GMT", "soon", "-5x", undefined].map(
      (header) => parseRetryAfter(header, now),
    ),
    [120_000, 60_000, 0, null, null, null],
  );
});
