import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { World } from "../../test/fakes/world.ts";
import { until } from "../../test/until.ts";
import type { ProcSpec } from "../contract/proc.ts";
import type { ProcState } from "../contract/states.ts";
import { Procs } from "./procs.ts";

const spec: ProcSpec = { app: "shop", name: "web.1", command: "true" };

async function open(world: World): Promise<Procs> {
  const procs = new Procs(world.needs());
  await procs.open();
  return procs;
}

async function started(procs: Procs, more: Partial<ProcSpec>): Promise<string> {
  const { id } = await procs.create({ ...spec, ...more });
  await until("it runs", () => procs.get(id).state === "running");
  return id;
}

/** Waits for its n-th run to run. */
async function untilRestarted(procs: Procs, id: string, restarts: number): Promise<void> {
  await until(`it was started again ${restarts} times`, () => {
    const proc = procs.get(id);
    return proc.state === "running" && proc.restarts === restarts;
  });
}

function statesOf(world: World, id: string): ProcState[] {
  return world.events.filter(({ procId }) => procId === id).map(({ proc }) => proc.state);
}

const always = { policy: "always", backoffMs: 1000 } as const;

describe("Procs, by the restart policy", () => {
  it("starts again what has ended, on its port, and tells how it ended", async () => {
    const world = new World();
    const procs = await open(world);
    const id = await started(procs, { restart: always });
    const { port } = procs.get(id);
    world.endApp(id, 3);
    await untilRestarted(procs, id, 1);
    const proc = procs.get(id);
    assert.deepEqual([proc.port, proc.exit, proc.nextRestartAt], [port, null, null]);
    assert.deepEqual([proc.lastExit?.reason, proc.lastExit?.code], ["crashed", 3]);
    assert.deepEqual(statesOf(world, id), ["init", "boot", "running", "backoff", "boot", "running"]);
    assert.equal(world.ports.freeCount, 9);
  });

  it("leaves nothing when one that restarts is deleted, wherever it is", async () => {
    for (const at of ["running", "backoff"] as const) {
      const world = new World();
      const procs = await open(world);
      const id = await started(procs, { restart: always });
      if (at === "backoff") {
        world.timeStandsStill = true;
        world.endApp(id, 3);
        await until("it waits", () => procs.get(id).state === "backoff");
      }
      await procs.remove(id, {});
      await until("it is gone", () => !procs.has(id));
      assert.deepEqual([world.held(), world.ports.freeCount], [[], 10]);
    }
  });

  it("waits the rest only, where the daemon was away amid the wait", async () => {
    const world = new World();
    const before = await open(world);
    const id = await started(before, { restart: always });
    world.timeStandsStill = true;
    world.endApp(id, 3);
    await until("it waits", () => before.get(id).state === "backoff");
    const { nextRestartAt } = before.get(id);
    const after = await open(world);
    assert.deepEqual([after.get(id).state, after.get(id).nextRestartAt], ["backoff", nextRestartAt]);
    world.nowMs = Date.parse(nextRestartAt ?? "");
    const later = await open(world);
    await untilRestarted(later, id, 1);
    assert.equal(world.starts.length, 2);
  });

  it("restarts by the policy what was lost, and what a reboot of the host has ended", async () => {
    for (const [reboots, reason] of [
      [false, "lost"],
      [true, "host-reboot"],
    ] as const) {
      const world = new World();
      const id = await started(await open(world), { restart: { policy: "on-failure" } });
      world.containers.clear();
      if (reboots) world.bootId = "boot-2";
      const procs = await open(world);
      await untilRestarted(procs, id, 1);
      assert.equal(procs.get(id).lastExit?.reason, reason);
    }
  });

  it("tries a launch again that has failed", async () => {
    const world = new World();
    const procs = await open(world);
    // The row, the run's row, the log, and then the container.
    world.failAt = 5;
    const id = await started(procs, { restart: always });
    assert.deepEqual([procs.get(id).restarts, procs.get(id).lastExit?.reason], [1, "runtime"]);
  });

  it("restarts a run that the daemon has ended for a reason of its own, and not one without a policy", async () => {
    for (const restart of [always, undefined]) {
      const world = new World();
      const procs = await open(world);
      const id = await started(procs, restart ? { restart } : {});
      await procs.endRun(String([...world.runs.keys()][0]), { why: "unhealthy", message: "it hangs" });
      const told = () => world.events.findLast(({ procId }) => procId === id)?.proc;
      const state = restart ? "running" : "fail";
      await until(
        `it is ${state}`,
        () => world.starts.length === (restart ? 2 : 1) && told()?.state === state,
      );
      assert.equal((restart ? told()?.lastExit : told()?.exit)?.reason, "unhealthy");
    }
  });

  it("restarts at once when asked: a running one with its grace, a waiting one before its time", async () => {
    const world = new World();
    const procs = await open(world);
    const id = await started(procs, {});
    await procs.restart(id, {});
    await untilRestarted(procs, id, 1);
    assert.equal(procs.get(id).lastExit?.reason, "stopped");
    assert.deepEqual(statesOf(world, id).slice(3), ["stopping", "backoff", "boot", "running"]);

    const other = await started(procs, { restart: { policy: "always", backoffMs: 3_600_000 } });
    world.timeStandsStill = true;
    world.endApp(other, 3);
    await until("it waits", () => procs.get(other).state === "backoff");
    await procs.restart(other, {});
    await untilRestarted(procs, other, 1);
  });

  it("lets a stop and a delete win over a restart under way, and refuses to restart what has ended", async () => {
    const world = new World();
    world.codeOnSignal = null;
    world.timeStandsStill = true;
    const procs = await open(world);
    const id = await started(procs, { restart: always });
    await procs.restart(id, {});
    await until("it is asked", () => procs.get(id).state === "stopping");
    await procs.stop(id, { graceMs: 0 });
    await until("it has ended", () => procs.get(id).state === "done");
    assert.deepEqual([procs.get(id).exit?.reason, world.starts.length], ["stopped", 1]);
    await assert.rejects(procs.restart(id, {}), { code: "proc-ended" });
  });

  it("ends a proc when its time is over, wherever it is, and not a moment before", async () => {
    const world = new World();
    world.timeStandsStill = true;
    const procs = await open(world);
    const running = await started(procs, { ttlMs: 5000, restart: always });
    const waits = await started(procs, { ttlMs: 5000, restart: { policy: "always", backoffMs: 60_000 } });
    world.endApp(waits, 1);
    await until("it waits", () => procs.get(waits).state === "backoff");
    const late = await open(world);
    assert.equal(late.get(running).state, "running");
    world.nowMs += 5000;
    const procsNow = await open(world);
    for (const id of [running, waits]) {
      await until("it has ended", () => procsNow.get(id).state === "done");
      assert.equal(procsNow.get(id).exit?.reason, "ttl");
    }
  });

  it("sends a signal to what runs, and says where nothing does", async () => {
    const world = new World();
    world.timeStandsStill = true;
    const procs = await open(world);
    const id = await started(procs, {});
    await procs.signal(id, { signal: "SIGHUP" });
    await until("it has ended", () => procs.get(id).state === "fail");
    await assert.rejects(procs.signal(id, { signal: "SIGHUP" }), { code: "proc-not-running" });
  });

  it("refuses a longest wait that is shorter than the first", async () => {
    const procs = await open(new World());
    const restart = { backoffMs: 5000, backoffMaxMs: 1000 };
    await assert.rejects(procs.create({ ...spec, restart }), { code: "invalid-request" });
    const { restart: filled } = await procs.create({ ...spec, restart: { backoffMs: 90_000 } });
    assert.equal(filled.backoffMaxMs, 90_000);
  });
});
