import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { sampleRun as runOf, sampleExit, sampleProc } from "../../test/samples.ts";
import { type ProcState, procStates } from "../contract/states.ts";
import { type Knowledge, nextStep, type Situation } from "./plan.ts";
import type { ProcRecord, RunRecord } from "./record.ts";

const sampleRecord = sampleProc("p1");
const sampleRun = { ...runOf("r1", { procId: "p1", slot: 0 }), bootId: "boot-1" };

const NOW_MS = Date.parse("2026-01-01T00:00:00Z");

interface Case {
  readonly state?: ProcState;
  readonly record?: Partial<ProcRecord>;
  readonly run?: RunRecord | null;
  readonly knowledge?: Knowledge;
  readonly asked?: boolean;
}

function situation({
  state = "running",
  record = {},
  run = sampleRun,
  knowledge,
  asked = false,
}: Case): Situation {
  return {
    record: { ...sampleRecord, state, ...record },
    run,
    knowledge: knowledge ?? { status: "unknown" },
    ...{ asked, fetching: false, bootId: "boot-1", nowMs: NOW_MS, retentionMs: 1000 },
  };
}

function step(of: Case) {
  return nextStep(situation(of));
}

const running: Knowledge = { status: "running", pid: 7 };
const past = { why: "stopped", signal: "SIGTERM", deadline: "2025-12-31T23:59:59Z" } as const;
const future = { why: "stopped", signal: "SIGTERM", deadline: "2026-01-01T00:00:10Z" } as const;

describe("nextStep()", () => {
  it("boots what was accepted and is wanted", () => {
    assert.deepEqual(step({ state: "init", run: null }), { kind: "boot" });
  });

  it("ends what was accepted and is no longer wanted, without a run", () => {
    assert.equal(step({ state: "init", run: null, record: { wanted: "gone" } }).kind, "end");
  });

  it("launches a run whose row was just written", () => {
    assert.deepEqual(step({ state: "boot", knowledge: { status: "fresh" } }), { kind: "launch" });
  });

  it("looks before it decides on a run that it has found", () => {
    for (const state of ["boot", "running", "stopping"] as const)
      assert.deepEqual(step({ state }), { kind: "look" });
  });

  it("begins again where the command has not been released", () => {
    const found: Knowledge[] = [
      { status: "absent" },
      { status: "created", pid: 7 },
      { status: "unwatched", started: false },
    ];
    for (const knowledge of found) assert.deepEqual(step({ state: "boot", knowledge }), { kind: "again" });
  });

  it("never begins again where the command may have run", () => {
    assert.deepEqual(step({ state: "boot", knowledge: running }), { kind: "adopt" });
    assert.deepEqual(step({ state: "boot", knowledge: { status: "unwatched", started: true } }), {
      kind: "kill",
    });
    assert.equal(step({ state: "boot", knowledge: { status: "exited", code: 0, oom: false } }).kind, "end");
    const run = { ...sampleRun, released: true };
    assert.equal(step({ state: "boot", run, knowledge: { status: "absent" } }).kind, "end");
  });

  it("rests while a wanted proc runs", () => {
    assert.deepEqual(step({ knowledge: running }), { kind: "rest", untilMs: null });
  });

  it("stops, asks, waits for the grace and then kills", () => {
    const record = { wanted: "stopped", stopping: future } as const;
    assert.deepEqual(step({ knowledge: running, record }), { kind: "stop" });
    assert.deepEqual(step({ state: "stopping", knowledge: running, record }), { kind: "ask" });
    const untilMs = Date.parse(future.deadline);
    assert.deepEqual(step({ state: "stopping", knowledge: running, record, asked: true }), {
      kind: "rest",
      untilMs,
    });
    assert.deepEqual(
      step({ state: "stopping", knowledge: running, record: { ...record, stopping: past }, asked: true }),
      { kind: "kill" },
    );
  });

  it("ends a run that is still wanted, where the daemon has a reason", () => {
    const record = { stopping: { ...future, why: "unhealthy" } } as const;
    for (const state of ["boot", "running"] as const)
      assert.deepEqual(step({ state, knowledge: running, record }), { kind: "stop" });
    assert.deepEqual(step({ state: "stopping", knowledge: running, record }), { kind: "ask" });
  });

  it("kills what nobody watches, since nobody would see its end", () => {
    for (const state of ["running", "stopping"] as const) {
      assert.deepEqual(step({ state, knowledge: { status: "unwatched", started: true } }), { kind: "kill" });
    }
  });

  it("puts an end on record, and tells a reboot from a loss", () => {
    const knowledge: Knowledge = { status: "exited", code: 3, oom: true };
    assert.deepEqual(step({ knowledge }), { kind: "end", code: 3, oom: true, rebooted: false });
    const run = { ...sampleRun, bootId: "boot-0" };
    assert.deepEqual(step({ run, knowledge: { status: "absent" } }), {
      ...{ kind: "end", code: null, oom: false, rebooted: true },
    });
  });

  it("gives everything back before it tells an end", () => {
    for (const state of ["boot", "running", "stopping"] as const) {
      assert.deepEqual(step({ state, knowledge: running, record: { exit: sampleExit } }), { kind: "settle" });
    }
  });

  it("goes on giving back after the end was told", () => {
    for (const state of ["done", "fail"] as const) {
      assert.deepEqual(step({ state, record: { exit: sampleExit } }), { kind: "settle" });
    }
  });

  it("keeps an ended proc for its retention, unless it is to go", () => {
    const record = { exit: sampleExit, exitedAt: "2026-01-01T00:00:00Z" };
    assert.deepEqual(step({ state: "done", run: null, record }), { kind: "rest", untilMs: NOW_MS + 1000 });
    assert.deepEqual(step({ state: "done", run: null, record: { ...record, wanted: "gone" } }), {
      kind: "forget",
    });
    const old = { ...record, exitedAt: "2025-12-31T23:59:59Z" };
    assert.deepEqual(step({ state: "done", run: null, record: old }), { kind: "forget" });
  });

  it("has an answer for every situation there can be", () => {
    const known: Knowledge[] = [
      ...([{ status: "fresh" }, { status: "unknown" }, { status: "absent" }, running] as const),
      { status: "created", pid: 7 },
      { status: "unwatched", started: true },
      { status: "exited", code: null, oom: false },
    ];
    for (const state of procStates) {
      for (const knowledge of known) {
        for (const wanted of ["running", "stopped", "gone"] as const) {
          for (const run of [sampleRun, null]) {
            assert.ok(step({ state, run, knowledge, record: { wanted } }).kind);
          }
        }
      }
    }
  });
});
