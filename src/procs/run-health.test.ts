import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { World } from "../../test/fakes/world.ts";
import type { ProcSpec } from "../contract/proc.ts";
import type { HealthVerdict } from "./needs.ts";
import { Procs } from "./procs.ts";

const spec: ProcSpec = { app: "shop", name: "web.1", command: "true" };
const never = new AbortController().signal;

async function runIn(world: World, more: Partial<ProcSpec>) {
  // So that nothing is forgotten for its age.
  world.timeStandsStill = true;
  const procs = new Procs(world.needs());
  await procs.open();
  const { id } = await procs.create({ ...spec, ...more });
  await waitFor(procs, id, "running");
  await turn();
  const [runId = ""] = [...world.runs.keys()];
  const say = async (kind: HealthVerdict["kind"]) => {
    world.judge({ procId: id, runId, kind, message: "the words" });
    await turn();
  };
  return { procs, id, runId, say };
}

function waitFor(procs: Procs, id: string, goal: "running" | "ready" | "exited") {
  return procs.wait(id, { goal, timeoutMs: 5_000, signal: never });
}

/** Lets what is under way go on. */
async function turn(): Promise<void> {
  for (let count = 0; count < 20; count += 1) await new Promise((resolve) => setImmediate(resolve));
}

function typesOf(world: World): string[] {
  return world.events
    .map(({ type }) => type)
    .filter((type) => !["proc.created", "proc.state"].includes(type));
}

const web = { process: "web" } as const;

describe("the health of a proc", () => {
  it("is that it runs, where nothing is to be checked", async () => {
    const world = new World();
    const { procs, id } = await runIn(world, {});
    const { ready, readyAt, startedAt, healthy } = await waitFor(procs, id, "ready");
    assert.deepEqual([ready, readyAt, healthy, world.watched.size], [true, startedAt, null, 0]);
  });

  it("is asked for from the start of its command to its end, at the address of its callers", async () => {
    const world = new World();
    const { procs, id, runId } = await runIn(world, web);
    const asked = world.watched.get(id);
    assert.deepEqual([asked?.runId, asked?.pid, asked?.started], [runId, 7, false]);
    assert.deepEqual(asked?.address, { host: "127.0.0.1", port: procs.get(id).port });
    await procs.stop(id, {});
    await waitFor(procs, id, "exited");
    assert.equal(world.watched.size, 0);
  });

  it("becomes ready when its checks have passed, on record and told", async () => {
    const world = new World();
    const { procs, id, say } = await runIn(world, { ...web, health: { startup: {}, readiness: {} } });
    assert.equal(procs.get(id).ready, false);
    const waiting = waitFor(procs, id, "ready");
    await say("started");
    assert.deepEqual([procs.get(id).ready, world.procs.get(id)?.health.started], [false, true]);
    await say("ready");
    const { readyAt } = await waiting;
    await say("unready");
    assert.deepEqual([procs.get(id).ready, procs.get(id).readyAt], [false, readyAt]);
    await waitFor(procs, id, "ready");
    await say("ready");
    await say("ready");
    assert.equal(procs.get(id).readyAt, readyAt, "the first time");
    assert.deepEqual(typesOf(world), ["proc.ready", "proc.unready", "proc.ready"]);
  });

  it("is not told of a run that is over, or of another", async () => {
    const world = new World();
    const { procs, id, say } = await runIn(world, web);
    world.judge({ procId: id, runId: "another", kind: "ready", message: "" });
    world.judge({ procId: "nobody", runId: "another", kind: "ready", message: "" });
    await turn();
    assert.equal(procs.get(id).ready, false);
    await procs.stop(id, {});
    await waitFor(procs, id, "exited");
    await say("ready");
    assert.deepEqual(typesOf(world), []);
  });

  it("ends a run that does not come up, and one that is unhealthy", async () => {
    for (const [kind, health] of [
      ["boot-timeout", { startup: {} }],
      ["unhealthy", { liveness: {} }],
    ] as const) {
      const world = new World();
      const { procs, id, say } = await runIn(world, { health });
      await say(kind);
      const { exit, state } = await waitFor(procs, id, "exited");
      assert.deepEqual([state, exit?.reason], ["fail", kind]);
      assert.match(exit?.message ?? "", /^the words/);
    }
  });

  it("is only told where that is all that liveness is to do", async () => {
    const world = new World();
    const { procs, id, say } = await runIn(world, { health: { liveness: { action: "none" } } });
    assert.equal(procs.get(id).healthy, true);
    await say("unhealthy");
    assert.deepEqual([procs.get(id).healthy, procs.get(id).state], [false, "running"]);
    await say("healthy");
    assert.equal(procs.get(id).healthy, true);
    assert.deepEqual(typesOf(world), ["proc.unhealthy", "proc.healthy"]);
  });

  it("goes on where another daemon finds it", async () => {
    const world = new World();
    const { id, say } = await runIn(world, { ...web, health: { startup: {}, readiness: {} } });
    await say("started");
    const startedAtMs = world.watched.get(id)?.startedAtMs;
    world.watched.clear();
    const later = new Procs(world.needs());
    await later.open();
    const found = world.watched.get(id);
    assert.deepEqual([found?.started, found?.ready, found?.startedAtMs], [true, false, startedAtMs]);
  });
});
