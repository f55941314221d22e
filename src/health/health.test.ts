import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { ManualClock } from "../../test/manual-clock.ts";
import { defaultLiveness, defaultReadiness, type HealthChecks, noChecks } from "../contract/health.ts";
import type { HealthVerdict, WatchedRun } from "../procs/needs.ts";
import { HealthWatch } from "./health.ts";
import type { Listener, Probe, Probed } from "./needs.ts";

const startup = { tcp: true, timeoutMs: 60_000 } as const;
const liveness = { ...defaultLiveness, http: "/up" } as const;
const passed: Probed = { outcome: "passed", ms: 1, output: "connected" };
const failed: Probed = { outcome: "failed", ms: 1, output: "answered 500\nthe body" };

/** A watch over apps that answer as they are told, and time that passes when it is told to. */
function setUp(probesAtOnce?: number) {
  const clock = new ManualClock("2026-01-01T00:00:00Z");
  const told: HealthVerdict[] = [];
  const faults: unknown[] = [];
  const asked: string[] = [];
  const listeners: Listener[] = [];
  const app: { answer: (port: number) => Promise<Probed> } = { answer: async () => passed };
  const probe: Probe = async ({ port, path }) => {
    asked.push(`${port}${path ?? ""}`);
    return await app.answer(port);
  };
  const watch = new HealthWatch(
    {
      ...{ clock, probe, randomFraction: () => 0.5 },
      report: (fault) => faults.push(fault),
      listenersOf: async () => listeners,
    },
    probesAtOnce,
  );
  watch.onVerdict((verdict) => told.push(verdict));
  const run = (checks: Partial<HealthChecks>, more: Partial<WatchedRun> = {}): WatchedRun => ({
    ...{ procId: "p1", runId: "r1", pid: 7, address: { host: "127.0.0.1", port: 1 } },
    ...{ checks: { ...noChecks, ...checks }, startedAtMs: clock.now().getTime() },
    ...{ started: false, ready: false, healthy: true, ...more },
  });
  /** Lets time pass second by second, and whatever follows from it happen. */
  const pass = async (seconds: number) => {
    for (let second = 0; second < seconds; second += 1) {
      clock.advance(1000);
      await settle();
    }
  };
  const kinds = () => told.map(({ kind }) => kind);
  return { watch, run, app, pass, told, kinds, asked, faults, listeners };
}

async function settle(): Promise<void> {
  for (let turn = 0; turn < 10; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}

describe("HealthWatch", () => {
  it("asks for the startup until it passes, then for the rest at their pace", async () => {
    const { watch, run, app, pass, kinds, asked } = setUp();
    app.answer = async () => failed;
    watch.watch(run({ startup, liveness, readiness: { ...defaultReadiness, http: "/ready" } }));
    await pass(3);
    assert.deepEqual(new Set(asked), new Set(["1"]));
    app.answer = async () => passed;
    await pass(3);
    assert.deepEqual(kinds(), ["started", "ready"]);
    asked.length = 0;
    await pass(100);
    const count = (what: string) => asked.filter((one) => one === what).length;
    assert.deepEqual(
      [count("1"), count("1/up") > 8, count("1/ready") > 8, asked.length < 22],
      [0, true, true, true],
    );
  });

  it("tells why a startup is given up, with what the app listens on, and the first line only", async () => {
    const { watch, run, app, pass, told, listeners } = setUp();
    app.answer = async () => ({ outcome: "refused", ms: 1, output: "connection refused" });
    listeners.push({ family: 4, port: 1, scope: "loopback", text: "127.0.0.1:1" });
    watch.watch(run({ startup }));
    await pass(59);
    assert.equal(told.length, 0);
    await pass(2);
    assert.equal(told[0]?.kind, "boot-timeout");
    assert.match(
      told[0]?.message ?? "",
      /within 60 s \(connection refused, it listens on 127\.0\.0\.1:1 only/,
    );
    assert.equal(watch.reports("p1").startup.results.length, 5);
    watch.rest("p1");
    app.answer = async () => failed;
    watch.watch(run({ liveness }, { procId: "p2", started: true, ready: true, startedAtMs: 0 }));
    await pass(60);
    assert.match(told.at(-1)?.message ?? "", /^GET \/up failed \d times in a row \(answered 500\)$/);
  });

  it("gives an app whose startup ended while the daemon was away one more chance", async () => {
    const { watch, run, app, pass, kinds } = setUp();
    watch.watch(run({ startup }, { startedAtMs: 0 }));
    await pass(1);
    assert.deepEqual(kinds(), ["ready"]);
    app.answer = async () => failed;
    watch.watch(run({ startup }, { startedAtMs: 0, procId: "p2", runId: "r2" }));
    await pass(1);
    assert.deepEqual(kinds(), ["ready", "boot-timeout"]);
  });

  it("counts nothing that the daemon could not ask", async () => {
    const { watch, run, app, pass, kinds, faults } = setUp();
    app.answer = async () => ({ outcome: "unknown", ms: 1, output: "EMFILE" });
    watch.watch(run({ liveness }, { started: true, ready: true, startedAtMs: 0 }));
    await pass(200);
    assert.deepEqual([kinds(), watch.reports("p1").liveness.results], [[], []]);
    assert.ok(faults.length > 10);
  });

  it("asks one thing of one run once at a time, and others while one hangs", async () => {
    const { watch, run, app, pass, asked } = setUp();
    app.answer = (port) => (port === 1 ? new Promise(() => undefined) : Promise.resolve(passed));
    const going = { started: true, ready: true };
    watch.watch(run({ liveness }, going));
    watch.watch(run({ liveness }, { ...going, procId: "p2", address: { host: "127.0.0.1", port: 2 } }));
    watch.watch(run({ liveness }, going));
    await pass(100);
    assert.equal(asked.filter((one) => one === "1/up").length, 1);
    assert.ok(asked.filter((one) => one === "2/up").length > 8);
  });

  it("has no more under way than it may, and nobody fails for having waited", async () => {
    const { watch, run, app, pass, kinds, asked } = setUp(2);
    const answers: (() => void)[] = [];
    app.answer = () => new Promise((resolve) => answers.push(() => resolve(passed)));
    for (const number of [1, 2, 3, 4])
      watch.watch(run({ startup }, { procId: `p${number}`, runId: `r${number}` }));
    await pass(100);
    assert.equal(asked.length, 2);
    for (let turn = 0; turn < 4; turn += 1) {
      answers.shift()?.();
      await settle();
    }
    assert.deepEqual([asked.length, kinds()], [4, ["ready", "ready", "ready", "ready"]]);
  });

  it("asks no more when a run is over, keeps what it found, and begins anew with the next run", async () => {
    const { watch, run, app, pass, asked, kinds } = setUp();
    watch.watch(run({ startup }));
    await pass(1);
    app.answer = async () => failed;
    watch.rest("p1");
    watch.rest("nobody");
    const before = asked.length;
    await pass(100);
    assert.deepEqual([asked.length, watch.reports("p1").startup.results.length], [before, 1]);
    watch.watch(run({ startup }, { runId: "r2" }));
    await pass(1);
    assert.equal(
      watch.reports("p1").startup.results.some(({ ok }) => ok),
      false,
    );
    watch.forget("p1");
    assert.deepEqual(watch.reports("p1").startup, { state: "waiting", failures: 0, results: [] });
    assert.deepEqual(kinds(), ["ready"]);
  });
});
