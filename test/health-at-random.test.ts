import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import {
  type CheckName,
  defaultLiveness,
  defaultReadiness,
  defaultStartup,
  type HealthChecks,
} from "../src/contract/health.ts";
import { type Condition, judge, type VerdictKind } from "../src/health/judge.ts";
import { readableText } from "../src/health/readable-text.ts";

/** What holds of the checks whatever the apps answer. */

const checks: HealthChecks = {
  startup: defaultStartup,
  liveness: { ...defaultLiveness, failures: 2, action: "none" },
  readiness: { ...defaultReadiness, failures: 2 },
};
const failures = { startup: 0, liveness: 0, readiness: 0 };
const begin: Condition = { started: false, ready: false, healthy: true, lived: false, failures };

interface Result {
  readonly check: CheckName;
  readonly ok: boolean;
  readonly atMs: number;
}

function verdictsOf(results: readonly Result[]): VerdictKind[] {
  const told: VerdictKind[] = [];
  let condition = begin;
  for (const result of results) {
    const judged = judge({ checks, startedAtMs: 0 }, condition, result);
    condition = judged.condition;
    if (judged.verdict !== null) told.push(judged.verdict);
  }
  return told;
}

describe("judge()", () => {
  it("tells turns only, the first to the good for readiness and to the bad for liveness", () => {
    const result = fc.record({
      check: fc.constantFrom<CheckName[]>("liveness", "readiness"),
      ok: fc.boolean(),
      atMs: fc.nat(200_000),
    });
    fc.assert(
      fc.property(fc.array(result, { maxLength: 60 }), (results) => {
        const [first, ...told] = verdictsOf([{ check: "startup", ok: true, atMs: 0 }, ...results]);
        const ready = told.filter((kind) => kind === "ready" || kind === "unready");
        const health = told.filter((kind) => kind === "healthy" || kind === "unhealthy");
        assert.equal(first, "started");
        assert.ok(ready.every((kind, at) => kind === (at % 2 === 0 ? "ready" : "unready")));
        assert.ok(health.every((kind, at) => kind === (at % 2 === 0 ? "unhealthy" : "healthy")));
        assert.equal(ready.length + health.length, told.length);
      }),
    );
  });
});

describe("readableText()", () => {
  it("holds its bound, cuts no character in two, and is the beginning of what there is", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), fc.nat(20), (text, bytesMax) => {
        const short = readableText(text, bytesMax);
        assert.ok(Buffer.byteLength(short) <= bytesMax);
        assert.ok(short.isWellFormed());
        assert.ok(readableText(text, 10_000).startsWith(short));
      }),
    );
  });
});
