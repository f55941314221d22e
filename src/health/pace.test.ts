import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { defaultReadiness, noChecks } from "../contract/health.ts";
import { startupTimeoutMs, waitBefore } from "./pace.ts";

const failures = { startup: 0, liveness: 0, readiness: 0 };
const ready = { started: true, ready: true, healthy: true, lived: true, failures };
const startup = { tcp: true, timeoutMs: 60_000 } as const;
const run = { checks: { ...noChecks, startup, readiness: defaultReadiness }, startedAtMs: 0 };

describe("waitBefore()", () => {
  it("asks a startup soon, then every second, the last time at its deadline", () => {
    const wait = (number: number, atMs: number) =>
      waitBefore(run, ready, { check: "startup", number, tookMs: 0, atMs, random: 0 });
    assert.deepEqual(
      [0, 1, 2, 4, 5, 40].map((number) => wait(number, 0)),
      [50, 100, 200, 800, 1000, 1000],
    );
    assert.deepEqual([wait(40, 59_800), wait(0, 70_000), wait(1, 70_000)], [200, 0, 1000]);
  });

  it("asks one that is not ready every second, and one that is at its interval, varied", () => {
    const wait = (isReady: boolean, number: number, random: number, tookMs = 0) =>
      waitBefore(run, { ...ready, ready: isReady }, { check: "readiness", number, tookMs, atMs: 0, random });
    assert.equal(wait(false, 40, 0.5), 1000);
    assert.deepEqual([wait(true, 1, 0), wait(true, 1, 0.5), wait(true, 1, 1)], [9000, 10_000, 11_000]);
    assert.deepEqual([wait(true, 1, 0.5, 4000), wait(true, 1, 0.5, 60_000)], [6000, 0]);
    assert.equal(wait(true, 0, 0.25), 2500, "procs that are found together are not asked together");
  });
});

describe("startupTimeoutMs()", () => {
  it("ends with the deadline, but gives each probe a second", () => {
    assert.deepEqual(
      [0, 57_000, 59_900, 70_000].map((atMs) => startupTimeoutMs(run, atMs)),
      [5000, 3000, 1000, 1000],
    );
  });
});
