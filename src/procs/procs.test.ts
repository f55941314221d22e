import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { World } from "../../test/fakes/world.ts";
import type { SharkuError } from "../contract/errors.ts";
import type { ProcState } from "../contract/states.ts";
import { Procs } from "./procs.ts";

const spec = { app: "shop", name: "web.1", command: "true" };
const neverAborts = new AbortController().signal;

async function open(world: World): Promise<Procs> {
  const procs = new Procs(world.needs());
  await procs.open();
  return procs;
}

function waitFor(procs: Procs, id: string, goal: "running" | "exited") {
  return procs.wait(id, { goal, timeoutMs: 5_000, signal: neverAborts });
}

/** Turns until it holds, and fails where it never does. */
async function eventually(holds: () => boolean, what: string): Promise<void> {
  for (let turn = 0; turn < 20_000; turn += 1) {
    if (holds()) return;
    await new Promise((resolve) => setImmediate(resolve));
  }
  assert.fail(`never came: ${what}`);
}

function statesOf(world: World, id: string): ProcState[] {
  return world.events
    .filter((event) => event.procId === id && event.type !== "proc.deleted")
    .map((event) => event.proc.state);
}

describe("Procs", () => {
  it("brings a proc from init to running, stops it as asked, and holds nothing after", async () => {
    const world = new World();
    const procs = await open(world);
    const { id, state } = await procs.create(spec);
    assert.equal(state, "init");
    assert.equal((await waitFor(procs, id, "running")).state, "running");
    await procs.stop(id, {});
    const ended = await waitFor(procs, id, "exited");
    assert.deepEqual([ended.state, ended.exit?.reason, ended.exit?.code], ["done", "stopped", 143]);
    assert.deepEqual(statesOf(world, id), ["init", "boot", "running", "stopping", "done"]);
    assert.deepEqual(world.held(), []);
  });

  it("tells what a command's own end means", async () => {
    const world = new World();
    const procs = await open(world);
    for (const [code, state, reason] of [
      [0, "done", "completed"],
      [3, "fail", "crashed"],
      [139, "fail", "signaled"],
    ] as const) {
      const { id } = await procs.create(spec);
      await waitFor(procs, id, "running");
      world.endApp(id, code);
      const ended = await waitFor(procs, id, "exited");
      assert.deepEqual([ended.state, ended.exit?.reason, ended.exit?.code], [state, reason, code]);
    }
  });

  it("kills at the end of the grace what does not heed the signal", async () => {
    const world = new World();
    world.codeOnSignal = null;
    const procs = await open(world);
    const { id } = await procs.create(spec);
    await waitFor(procs, id, "running");
    await procs.stop(id, { graceMs: 1000 });
    const ended = await waitFor(procs, id, "exited");
    assert.equal(ended.exit?.killed, true);
    assert.equal(ended.exit?.reason, "stopped");
  });

  it("lets a second stop shorten the grace, never lengthen it", async () => {
    const world = new World();
    world.codeOnSignal = null;
    world.timeStandsStill = true;
    const procs = await open(world);
    const { id } = await procs.create(spec);
    await waitFor(procs, id, "running");
    const deadline = () => world.procs.get(id)?.stopping?.deadline ?? "";
    await procs.stop(id, { graceMs: 500_000 });
    const first = deadline();
    await procs.stop(id, { graceMs: 600_000 });
    assert.equal(deadline(), first);
    await procs.stop(id, { graceMs: 0 });
    assert.ok(deadline() < first);
    assert.equal((await waitFor(procs, id, "exited")).exit?.killed, true);
  });

  it("forgets a removed proc, and its port rests before it is used again", async () => {
    const world = new World();
    const procs = await open(world);
    const { id, port } = await procs.create(spec);
    await procs.remove(id, {});
    await eventually(() => !procs.has(id), "the end of the record");
    assert.throws(() => procs.get(id), { code: "proc-not-found" });
    assert.deepEqual([world.procs.size, world.held()], [0, []]);
    assert.notEqual((await procs.create(spec)).port, port);
  });

  it("has room again when procs are gone: slots, turns and ports come back", async () => {
    const world = new World();
    const procs = await open(world);
    for (let round = 0; round < 3; round += 1) {
      const ids = await Promise.all(Array.from({ length: 8 }, async () => (await procs.create(spec)).id));
      await assert.rejects(procs.create(spec), { code: "no-slot" });
      for (const id of ids) assert.equal((await waitFor(procs, id, "running")).state, "running");
      for (const id of ids) await procs.remove(id, {});
      await eventually(() => procs.list({}).items.length === 0, "the end of all");
    }
  });

  it("gives the port of an ended proc to others, while its record is kept, also after a restart", async () => {
    const world = new World();
    world.timeStandsStill = true;
    const procs = await open(world);
    const { id, port } = await procs.create(spec);
    await waitFor(procs, id, "running");
    assert.equal(world.ports.freeCount, 9);
    world.endApp(id, 0);
    await waitFor(procs, id, "exited");
    await eventually(() => world.ports.freeCount === 10, "the port's return");
    assert.deepEqual([procs.get(id).port, procs.get(id).address], [port, null]);
    await open(world);
    assert.equal(world.ports.freeCount, 10);
  });

  it("answers a stop that comes after a delete as one for a proc that is not there", async () => {
    const world = new World();
    world.timeStandsStill = true;
    const procs = await open(world);
    const { id } = await procs.create(spec);
    await waitFor(procs, id, "running");
    await procs.remove(id, {});
    const late = await Promise.allSettled(Array.from({ length: 20 }, () => procs.stop(id, {})));
    for (const answer of late)
      if (answer.status === "rejected") assert.equal(answer.reason.code, "proc-not-found");
    await eventually(() => !procs.has(id), "the end of the record");
    await assert.rejects(procs.stop(id, {}), { code: "proc-not-found" });
  });

  it("answers a repeated PUT with what is there, and refuses another spec under the same id", async () => {
    const procs = await open(new World());
    const both = await Promise.all([procs.put("one", spec), procs.put("one", spec)]);
    assert.deepEqual(both.map(({ isNew }) => isNew).sort(), [false, true]);
    await assert.rejects(procs.put("one", { ...spec, command: "false" }), { code: "proc-exists" });
  });

  it("counts a state that came and went, for those who wait", async () => {
    const world = new World();
    const procs = await open(world);
    const { id } = await procs.create(spec);
    await waitFor(procs, id, "running");
    world.endApp(id, 0);
    await waitFor(procs, id, "exited");
    assert.equal((await waitFor(procs, id, "running")).state, "done");
  });

  it("tells those who wait too long, and those whose proc goes", async () => {
    const procs = await open(new World());
    const { id } = await procs.create(spec);
    await waitFor(procs, id, "running");
    const late = procs.wait(id, { goal: "exited", timeoutMs: 1, signal: neverAborts });
    await assert.rejects(late, { code: "wait-timeout" });
    const gone = procs.wait(id, { goal: "exited", timeoutMs: 5_000, signal: neverAborts });
    await procs.remove(id, {});
    const answer = await gone.then(
      (proc) => proc.state,
      (error: SharkuError) => error.code,
    );
    assert.ok(["done", "proc-not-found"].includes(answer), answer);
  });

  it("refuses what names something that is not there", async () => {
    const procs = await open(new World());
    await assert.rejects(procs.create({ ...spec, template: "none" }), { code: "unknown-template" });
    await assert.rejects(procs.create({ ...spec, image: `sha256:${"0".repeat(64)}` }), {
      code: "unknown-image",
    });
    await assert.rejects(procs.create({ app: "a", name: "b", process: "web" }), { code: "unknown-process" });
    await assert.rejects(procs.create({ app: "a", name: "b" }), { code: "invalid-request" });
    assert.deepEqual(procs.list({}).items, []);
  });

  it("never shows a config's values but in the call for them", async () => {
    const world = new World();
    const procs = await open(world);
    const { id } = await procs.create({ ...spec, config: { KEY: "canary" } });
    assert.deepEqual(procs.config(id), { KEY: "canary" });
    assert.ok(!JSON.stringify([procs.get(id), procs.list({}), world.events]).includes("canary"));
  });
});

describe("a new daemon over what another has left", () => {
  it("leaves running procs alone", async () => {
    const world = new World();
    const { id } = await (await open(world)).create(spec);
    await eventually(() => world.procs.get(id)?.state === "running", "running");
    const procs = await open(world);
    assert.equal(procs.get(id).state, "running");
    assert.equal(world.starts.length, 1);
  });

  it("learns what ended meanwhile", async () => {
    const world = new World();
    const { id } = await (await open(world)).create(spec);
    await eventually(() => world.procs.get(id)?.state === "running", "running");
    const [run] = world.runs.keys();
    world.containers.set(String(run), { status: "exited", code: 7, oom: false });
    const procs = await open(world);
    assert.equal((await waitFor(procs, id, "exited")).exit?.code, 7);
  });

  it("tells a loss from a reboot, and guesses no code", async () => {
    for (const [bootId, reason] of [
      ["boot-1", "lost"],
      ["boot-2", "host-reboot"],
    ] as const) {
      const world = new World();
      const { id } = await (await open(world)).create(spec);
      await eventually(() => world.procs.get(id)?.state === "running", "running");
      world.containers.clear();
      world.bootId = bootId;
      const ended = await waitFor(await open(world), id, "exited");
      assert.deepEqual([ended.exit?.reason, ended.exit?.code], [reason, null]);
    }
  });
});

describe("a runtime that hangs", () => {
  it("holds up the procs of no other", async () => {
    const world = new World();
    const needs = world.needs();
    const hanging = new Promise<never>(() => undefined);
    const create: typeof needs.isolation.create = (plan, signal) =>
      plan.runtime === "runc" ? hanging : needs.isolation.create(plan, signal);
    const network = { ...needs.network, slotCount: 20 };
    const procs = new Procs({ ...needs, network, isolation: { ...needs.isolation, create } });
    await procs.open();
    for (let count = 0; count < 9; count += 1) {
      const { id } = await procs.create({ ...spec, runtime: "runc", network: { mode: "none" } });
      await eventually(() => procs.get(id).state === "boot", "boot");
    }
    const { id } = await procs.create(spec);
    assert.equal((await waitFor(procs, id, "running")).state, "running");
  });
});

describe("a call that fails, whichever it is", () => {
  it("leaves nothing held once the proc is removed, and never runs a command twice", async () => {
    // Ends with the round that makes fewer calls than the one that was to fail.
    for (let failAt = 1; ; failAt += 1) {
      const world = new World();
      world.failAt = failAt;
      const procs = await open(world);
      const { id } = await procs.put("one", spec).then(
        ({ proc }) => proc,
        () => ({ id: null }),
      );
      if (id !== null) {
        await eventually(
          () => procs.get(id).startedAt !== null || procs.hasEnded(id),
          `a start (call ${failAt})`,
        );
        await removeAtLast(procs, id);
        await eventually(() => !procs.has(id), `the end of the record (call ${failAt})`);
      }
      assert.deepEqual(world.held(), [], `call ${failAt}`);
      assert.equal(world.ports.freeCount, 10, `the port is back (call ${failAt})`);
      assert.ok(world.starts.length <= 1, `one start at most (call ${failAt})`);
      if (world.calls < failAt) return;
    }
  });
});

/** A client repeats a call that failed. */
async function removeAtLast(procs: Procs, id: string): Promise<void> {
  for (let tries = 0; tries < 3 && procs.has(id); tries += 1) {
    const done = await procs.remove(id, {}).then(
      () => true,
      () => false,
    );
    if (done) return;
  }
}
