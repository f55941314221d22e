import assert from "node:assert/strict";
import { describe, it } from "node:test";
import {
  type CheckName,
  defaultLiveness,
  defaultReadiness,
  type HealthChecks,
  noChecks,
} from "../contract/health.ts";
import { type Condition, FIRST_LIFE_MS, judge, type VerdictKind } from "./judge.ts";

const START = 1_000_000;
const startup = { tcp: true, timeoutMs: 60_000 } as const;
const liveness = { ...defaultLiveness, tcp: true, failures: 2 } as const;
const readiness = { ...defaultReadiness, tcp: true, failures: 2 } as const;

type Said = readonly [check: CheckName, ok: boolean, afterMs?: number];

/** What is told, result after result, of a run that begins now. */
function verdictsOf(checks: Partial<HealthChecks>, said: readonly Said[]): (VerdictKind | null)[] {
  const all = { ...noChecks, ...checks };
  let condition = fresh(all);
  return said.map(([check, ok, afterMs = 0]) => {
    const judged = judge({ checks: all, startedAtMs: START }, condition, {
      check,
      ok,
      atMs: START + afterMs,
    });
    condition = judged.condition;
    return judged.verdict;
  });
}

function fresh(checks: HealthChecks): Condition {
  const started = checks.startup === null;
  const failures = { startup: 0, liveness: 0, readiness: 0 };
  return { started, ready: started && checks.readiness === null, healthy: true, lived: false, failures };
}

describe("judge()", () => {
  it("calls a run ready when its startup passes, where no readiness is to follow", () => {
    assert.deepEqual(
      verdictsOf({ startup }, [
        ["startup", false],
        ["startup", true],
      ]),
      [null, "ready"],
    );
    const both = verdictsOf({ startup, readiness }, [
      ["startup", true],
      ["readiness", false],
      ["readiness", true],
    ]);
    assert.deepEqual(both, ["started", null, "ready"]);
  });

  it("gives a startup up with the first failure after its time, and no pass is too late", () => {
    const said = (ok: boolean, afterMs: number) => verdictsOf({ startup }, [["startup", ok, afterMs]]);
    assert.deepEqual(said(false, 59_999), [null]);
    assert.deepEqual(said(false, 60_000), ["boot-timeout"]);
    assert.deepEqual(said(true, 900_000), ["ready"]);
  });

  it("calls a run unready after so many failures in a row, and ready again with the first pass", () => {
    const said: Said[] = [true, false, true, false, false, false, true].map((ok) => ["readiness", ok]);
    assert.deepEqual(verdictsOf({ readiness }, said), ["ready", null, null, null, "unready", null, "ready"]);
  });

  it("asks for the end of an unhealthy run again and again, but only tells it once where that is all", () => {
    const said: Said[] = [true, false, false, false, true].map((ok) => ["liveness", ok]);
    const restart = verdictsOf({ liveness }, said);
    assert.deepEqual(restart, [null, null, "unhealthy", "unhealthy", "healthy"]);
    const none = verdictsOf({ liveness: { ...liveness, action: "none" } }, said);
    assert.deepEqual(none, [null, null, "unhealthy", null, "healthy"]);
  });

  it("does not count failures of an app that may still be beginning", () => {
    const fail = (afterMs: number): Said => ["liveness", false, afterMs];
    const early = [fail(0), fail(10_000), fail(20_000)];
    assert.deepEqual(verdictsOf({ liveness }, early), [null, null, null]);
    const late = [...early, fail(FIRST_LIFE_MS), fail(FIRST_LIFE_MS)];
    assert.deepEqual(verdictsOf({ liveness }, late).at(-1), "unhealthy");
    assert.deepEqual(verdictsOf({ liveness }, [["liveness", true], ...early])[2], "unhealthy");
    const started = verdictsOf({ startup, liveness }, [["startup", true], fail(0), fail(1)]);
    assert.deepEqual(started, ["ready", null, "unhealthy"]);
  });
});
