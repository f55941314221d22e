import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { World } from "../../test/fakes/world.ts";
import { Procs } from "./procs.ts";

const spec = { app: "shop", name: "web.1", command: "true" };

async function runningIn(world: World) {
  const procs = new Procs(world.needs());
  await procs.open();
  const { id } = await procs.create(spec);
  await waitFor(procs, id, "running");
  const [run] = [...world.runs.keys()];
  assert.ok(run !== undefined);
  return { procs, id, run };
}

function waitFor(procs: Procs, id: string, goal: "running" | "exited") {
  return procs.wait(id, { goal, timeoutMs: 5_000, signal: new AbortController().signal });
}

describe("endRun()", () => {
  it("ends a run by its signal, and tells the reason and the words it was given", async () => {
    const { procs, id, run } = await runningIn(new World());
    await procs.endRun(run, { why: "unhealthy", message: "3 checks in a row have failed" });
    const { state, exit } = await waitFor(procs, id, "exited");
    assert.deepEqual(
      [state, exit?.reason, exit?.signal, exit?.killed],
      ["fail", "unhealthy", "SIGTERM", false],
    );
    assert.match(exit?.message ?? "", /^3 checks in a row have failed: it ended by SIGTERM$/);
  });

  it("kills a run that outlives its grace", async () => {
    const world = new World();
    world.codeOnSignal = null;
    const { procs, id, run } = await runningIn(world);
    await procs.endRun(run, { why: "boot-timeout", message: "Nothing listens on port 10000" });
    const { exit } = await waitFor(procs, id, "exited");
    assert.deepEqual([exit?.reason, exit?.killed], ["boot-timeout", true]);
  });

  it("leaves a run alone that its owner is ending already, and one that is over", async () => {
    const world = new World();
    world.codeOnSignal = null;
    world.timeStandsStill = true;
    const { procs, id, run } = await runningIn(world);
    await procs.stop(id, {});
    await procs.endRun(run, { why: "unhealthy", message: "too late" });
    await procs.stop(id, { graceMs: 0 });
    assert.equal((await waitFor(procs, id, "exited")).exit?.reason, "stopped");
    await procs.endRun(run, { why: "unhealthy", message: "too late" });
    assert.equal(procs.get(id).exit?.reason, "stopped");
  });

  it("is the owner's stop where the owner wants it to end too", async () => {
    const world = new World();
    world.codeOnSignal = null;
    world.timeStandsStill = true;
    const { procs, id, run } = await runningIn(world);
    await procs.endRun(run, { why: "unhealthy", message: "it hangs" });
    await procs.stop(id, { graceMs: 0 });
    const { state, exit } = await waitFor(procs, id, "exited");
    assert.deepEqual([state, exit?.reason], ["done", "stopped"]);
  });
});

describe("stop.target", () => {
  it("says whether all processes are told, whoever ends the run", async () => {
    const world = new World();
    const procs = new Procs(world.needs());
    await procs.open();
    for (const target of ["main", "all"] as const) {
      const { id } = await procs.create({ ...spec, stop: { target } });
      await waitFor(procs, id, "running");
      const [run = ""] = world.runs.keys();
      await procs.endRun(run, { why: "unhealthy", message: "sick" });
      await waitFor(procs, id, "exited");
      assert.deepEqual(world.signalledAll, target === "all" ? [run] : []);
    }
  });
});
