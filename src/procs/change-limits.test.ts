import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { World } from "../../test/fakes/world.ts";
import { SharkuError } from "../contract/errors.ts";
import type { Needs } from "./needs.ts";
import { Procs } from "./procs.ts";

const spec = { app: "shop", name: "web.1", command: "true" };
const neverAborts = new AbortController().signal;

async function open(needs: Needs): Promise<Procs> {
  const procs = new Procs(needs);
  await procs.open();
  return procs;
}

function waitFor(procs: Procs, id: string, goal: "running" | "exited") {
  return procs.wait(id, { goal, timeoutMs: 5_000, signal: neverAborts });
}

async function runOne(procs: Procs): Promise<string> {
  const { id } = await procs.create(spec);
  await waitFor(procs, id, "running");
  return id;
}

describe("Procs.patch()", () => {
  it("makes new limits hold, puts them on record and tells it", async () => {
    const world = new World();
    const procs = await open(world.needs());
    const id = await runOne(procs);
    const { limits } = await procs.patch(id, { limits: { pids: 9 } });
    assert.deepEqual([limits.pids, world.procs.get(id)?.spec.limits.pids], [9, 9]);
    assert.deepEqual([...world.limits.values()], [limits]);
    assert.deepEqual(
      world.events.filter(({ type }) => type === "proc.changed").map(({ proc }) => proc.limits.pids),
      [9],
    );
  });

  it("keeps what it does not name, and changes nothing where it names nothing new", async () => {
    const world = new World();
    const procs = await open(world.needs());
    const id = await runOne(procs);
    const before = procs.get(id).limits;
    await procs.patch(id, {});
    await procs.patch(id, { limits: { pids: before.pids } });
    assert.deepEqual([procs.get(id).limits, world.limits.size], [before, 0]);
    assert.ok(world.events.every(({ type }) => type !== "proc.changed"));
  });

  it("changes nothing where they cannot hold", async () => {
    const world = new World();
    const needs = world.needs();
    const applyLimits = () => Promise.reject(new SharkuError("limit-in-use", "too much in use"));
    const procs = await open({ ...needs, isolation: { ...needs.isolation, applyLimits } });
    const id = await runOne(procs);
    const before = procs.get(id).limits;
    await assert.rejects(procs.patch(id, { limits: { memoryBytes: 2 ** 22 } }), { code: "limit-in-use" });
    assert.deepEqual(procs.get(id).limits, before);
  });

  it("takes them back where they cannot be put on record", async () => {
    const world = new World();
    const procs = await open(world.needs());
    const id = await runOne(procs);
    const before = procs.get(id).limits;
    // The first call makes them hold, the second one writes.
    world.failAt = world.calls + 2;
    await assert.rejects(procs.patch(id, { limits: { pids: 9 } }), /the world fails/);
    assert.deepEqual(procs.get(id).limits, before);
    assert.deepEqual([...world.limits.values()], [before]);
  });

  it("refuses a proc that has ended or is about to, and one that is not there", async () => {
    const world = new World();
    world.codeOnSignal = null;
    world.timeStandsStill = true;
    const procs = await open(world.needs());
    const id = await runOne(procs);
    await procs.stop(id, { graceMs: 60_000 });
    await assert.rejects(procs.patch(id, { limits: { pids: 9 } }), { code: "proc-ended" });
    world.endApp(id, 0);
    await waitFor(procs, id, "exited");
    await assert.rejects(procs.patch(id, { limits: { pids: 9 } }), { code: "proc-ended" });
    await assert.rejects(procs.patch("nobody", {}), { code: "proc-not-found" });
  });

  it("makes those on record hold again after the daemon", async () => {
    const world = new World();
    const first = await open(world.needs());
    const id = await runOne(first);
    await first.patch(id, { limits: { pids: 9 } });
    // As if the daemon had died after others held, before they were on record.
    world.limits.clear();
    await open(world.needs());
    assert.deepEqual(
      [...world.limits.values()].map(({ pids }) => pids),
      [9],
    );
  });
});

describe("a full /app", () => {
  it("is told once by its run, and not after its end", async () => {
    const world = new World();
    const procs = await open(world.needs());
    const id = await runOne(procs);
    const [run = ""] = world.runs.keys();
    // In its lane, so that what comes next is not part of its start.
    await procs.patch(id, {});
    world.fillDisk(run);
    world.fillDisk("another");
    world.endApp(id, 1);
    await waitFor(procs, id, "exited");
    world.fillDisk(run);
    await procs.patch(id, {}).catch(() => undefined);
    assert.deepEqual(
      world.events.map(({ type, proc }) => (type === "proc.disk-full" ? `${type} ${proc.id}` : type)),
      ["proc.created", "proc.state", "proc.state", `proc.disk-full ${id}`, "proc.state"],
    );
  });

  it("is told with the end where it was full then", async () => {
    const world = new World();
    const needs = world.needs();
    const look = async (runId: string) => ({ ...(await needs.isolation.look(runId)), diskFull: true });
    const procs = await open({ ...needs, isolation: { ...needs.isolation, look } });
    const id = await runOne(procs);
    world.endApp(id, 1);
    const { exit } = await waitFor(procs, id, "exited");
    assert.match(exit?.message ?? "", /ended with code 1; its \/app was full/);
  });
});
