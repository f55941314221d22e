import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { sampleExit, sampleProc, sampleRun } from "../../test/samples.ts";
import type { Exit } from "../contract/proc.ts";
import { defaultRestart, type Restart } from "../contract/restart.ts";
import { type ExitReason, exitReasons, goodReasons } from "../contract/states.ts";
import type { ProcRecord } from "./record.ts";
import { afterEnd, waitMs } from "./restart-policy.ts";

const now = new Date("2026-01-02T04:00:00.000Z");
const run = { ...sampleRun("r1", { procId: "p1", slot: 0 }), released: true };

function exitOf(reason: ExitReason): Exit {
  return { ...sampleExit, reason, at: now.toISOString(), message: "It ended" };
}

function proc(restart: Partial<Restart>, more: Partial<ProcRecord> = {}): ProcRecord {
  const { spec, ...rest } = sampleProc("p1");
  const full = { ...defaultRestart, ...restart };
  return { ...rest, spec: { ...spec, restart: full }, state: "running", ...more };
}

function after(record: ProcRecord, exit: Exit): ProcRecord {
  return afterEnd(record, { exit, run, now, fraction: 0.5 });
}

describe("afterEnd()", () => {
  it("never starts again what is not to be", () => {
    for (const reason of exitReasons) {
      const { state, exit } = after(proc({ policy: "never" }), exitOf(reason));
      assert.equal(state, goodReasons.includes(reason) ? "done" : "fail");
      assert.equal(exit, null, "the exit is on record before");
    }
  });

  it("starts again after failures only, or after every end that nobody asked for", () => {
    for (const reason of exitReasons) {
      const isFailure = !goodReasons.includes(reason);
      assert.equal(
        after(proc({ policy: "on-failure" }), exitOf(reason)).state,
        isFailure ? "backoff" : "done",
      );
      const isOwn = isFailure || reason === "completed";
      assert.equal(after(proc({ policy: "always" }), exitOf(reason)).state, isOwn ? "backoff" : "done");
    }
  });

  it("leaves ended what its owner wants no longer", () => {
    for (const wanted of ["stopped", "gone"] as const)
      assert.equal(after(proc({ policy: "always" }, { wanted }), exitOf("crashed")).state, "fail");
  });

  it("waits twice as long each time in a row, up to the longest, and at most a quarter longer", () => {
    const restart = { ...defaultRestart, backoffMs: 100, backoffMaxMs: 1000 };
    const least = [0, 1, 2, 3, 4, 50, 5000].map((before) => waitMs(restart, { before, fraction: 0 }));
    assert.deepEqual(least, [100, 200, 400, 800, 1000, 1000, 1000]);
    assert.equal(waitMs(restart, { before: 0, fraction: 0.9999 }), 125);
    assert.equal(waitMs({ ...restart, backoffMs: 0 }, { before: 9, fraction: 0.9999 }), 0);
  });

  it("tells when, keeps the last end, and forgets the run's own", () => {
    const record = proc({ policy: "always", backoffMs: 1000 }, { attempts: 2, exitedAt: now.toISOString() });
    const waits = after({ ...record, exit: exitOf("crashed") }, exitOf("crashed"));
    assert.deepEqual(waits.nextRestartAt, "2026-01-02T04:00:04.500Z");
    assert.deepEqual([waits.attempts, waits.exit, waits.exitedAt, waits.stopping], [3, null, null, null]);
    assert.equal(waits.lastExit?.reason, "crashed");
  });

  it("gives up after so many in a row, with the reason of the last end and a word on it", () => {
    const restart = { policy: "on-failure", maxAttempts: 3 } as const;
    assert.equal(after(proc(restart, { attempts: 2 }), exitOf("oom")).state, "backoff");
    const given = after(proc(restart, { attempts: 3 }), exitOf("oom"));
    assert.deepEqual([given.state, given.exit?.reason], ["fail", "oom"]);
    assert.match(given.exit?.message ?? "", /^It ended; not started again, after 3 restarts in a row/);
  });

  it("begins the row anew after a run that has lasted, and only then", () => {
    const record = (startedAt: string) =>
      proc({ policy: "always", maxAttempts: 3, resetAfterMs: 1000 }, { attempts: 3, startedAt });
    assert.equal(after(record("2026-01-02T03:59:59.001Z"), exitOf("crashed")).state, "fail");
    const lasted = record("2026-01-02T03:59:59.000Z");
    assert.deepEqual(
      [after(lasted, exitOf("crashed")).state, after(lasted, exitOf("crashed")).attempts],
      ["backoff", 1],
    );
    const neverRan = { exit: exitOf("runtime"), run: { ...run, released: false }, now, fraction: 0 };
    assert.equal(afterEnd(lasted, neverRan).state, "fail");
    const laterRun = { ...run, createdAt: "2026-01-02T03:59:59.500Z" };
    const neverSeen = { exit: exitOf("runtime"), run: laterRun, now, fraction: 0 };
    assert.equal(afterEnd(lasted, neverSeen).state, "fail", "what an earlier run has lasted proves nothing");
  });

  it("counts the time that a run was ready, where it has checks for that", () => {
    const { spec, health } = sampleProc("p1");
    const startedAt = "2026-01-02T03:00:00.000Z";
    const checked = (readyAt: string | null) => {
      const before = proc({ policy: "always", resetAfterMs: 1000 }, { attempts: 3, startedAt });
      const withChecks = { ...before.spec, health: { ...spec.health, startup: { timeoutMs: 1000 } } };
      return { ...before, spec: withChecks, health: { ...health, readyAt } };
    };
    const attempts = (readyAt: string | null) => after(checked(readyAt), exitOf("boot-timeout")).attempts;
    assert.deepEqual([attempts(null), attempts("2026-01-02T03:59:59.500Z")], [4, 4]);
    assert.equal(attempts("2026-01-02T03:59:59.000Z"), 1);
  });

  it("starts again at once what is asked to be, whatever the policy", () => {
    const stopping = { why: "restart", signal: "SIGTERM", deadline: now.toISOString() } as const;
    const asked = after(proc({ policy: "never" }, { stopping, attempts: 5 }), exitOf("stopped"));
    assert.deepEqual([asked.state, asked.nextRestartAt, asked.attempts], ["backoff", now.toISOString(), 0]);
    assert.equal(after(proc({}, { stopping, wanted: "gone" }), exitOf("stopped")).state, "done");
  });
});
