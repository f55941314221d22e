import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { World } from "../../test/fakes/world.ts";
import { SharkuError } from "../contract/errors.ts";
import { defaultLimits, type Limits } from "../contract/proc.ts";
import type { Figures } from "../contract/stats.ts";
import type { Needs } from "./needs.ts";
import { Procs } from "./procs.ts";

const spec = { app: "shop", name: "web.1", command: "true" };
const signal = new AbortController().signal;
const figures: Figures = {
  ...{ memory: null, io: null, disk: null, network: null },
  cpu: {
    ...{ usageMs: 7, userMs: 5, systemMs: 2, limitCpus: null },
    ...{ periods: 0, throttledPeriods: 0, throttledMs: 0 },
  },
  pids: { current: 0, limit: 256, refused: 0 },
};

async function open(needs: Needs): Promise<Procs> {
  const procs = new Procs(needs);
  await procs.open();
  return procs;
}

async function runOne(procs: Procs): Promise<string> {
  const { id } = await procs.create(spec);
  await procs.wait(id, { goal: "running", timeoutMs: 5_000, signal });
  return id;
}

describe("what a proc uses", () => {
  it("is kept with its record when it ends, for the next daemon too", async () => {
    const world = new World();
    const needs = world.needs();
    const look = async (runId: string) => {
      const sight = await needs.isolation.look(runId);
      return sight.status === "exited" ? { ...sight, figures } : sight;
    };
    const procs = await open({ ...needs, isolation: { ...needs.isolation, look } });
    const id = await runOne(procs);
    assert.equal(procs.measured(id)[0]?.lastFigures, null);
    assert.notEqual(procs.measured(id)[0]?.run, null);
    world.endApp(id, 1);
    await procs.wait(id, { goal: "exited", timeoutMs: 5_000, signal });
    for (const daemon of [procs, await open(world.needs())]) {
      const [measured] = daemon.measured(id);
      assert.deepEqual([measured?.lastFigures, measured?.run], [figures, null]);
    }
    assert.throws(() => procs.measured("another"), { code: "proc-not-found" });
  });

  it("is told where it comes close to a limit, while it runs and of its own runs only", async () => {
    const world = new World();
    const procs = await open(world.needs());
    const id = await runOne(procs);
    const [run = ""] = world.runs.keys();
    // In its lane, so that what comes next is not part of its start.
    await procs.patch(id, {});
    world.warn(run, "memory-high");
    world.warn(run, "pids-limit");
    world.warn("another", "memory-high");
    world.endApp(id, 1);
    await procs.wait(id, { goal: "exited", timeoutMs: 5_000, signal });
    world.warn(run, "memory-high");
    await procs.patch(id, {}).catch(() => undefined);
    const types = world.events.map(({ type }) => type);
    assert.deepEqual(
      types.filter((type) => type.startsWith("proc.") && type !== "proc.state"),
      ["proc.created", "proc.memory-high", "proc.pids-limit"],
    );
  });
});

describe("a host without room", () => {
  function openFull(refusing: { possible?: boolean; room?: boolean }) {
    const world = new World();
    const seen: Limits[][] = [];
    const room: Needs["room"] = {
      assertPossible: ({ cpus }) => {
        if (refusing.possible && cpus !== null) throw new SharkuError("limit-beyond-host", "too much");
      },
      assertRoom: (_limits, living) => {
        seen.push([...living]);
        if (refusing.room) throw new SharkuError("no-room", "none");
      },
    };
    return { world, seen, refusing, opened: open({ ...world.needs(), room }) };
  }

  it("takes no other proc, and nothing is left of it", async () => {
    const { world, opened } = openFull({ room: true });
    const procs = await opened;
    await assert.rejects(procs.create(spec), { code: "no-room" });
    assert.deepEqual([world.held(), world.procs.size, world.events.length], [[], 0, 0]);
    assert.equal(world.ports.freeCount, 10);
  });

  it("counts those that have not ended, and none twice", async () => {
    const { world, seen, opened } = openFull({});
    const procs = await opened;
    const id = await runOne(procs);
    await Promise.all([procs.create(spec), procs.create(spec)]);
    assert.deepEqual(
      seen.map((living) => living.length),
      [0, 1, 2],
    );
    world.endApp(id, 0);
    await procs.wait(id, { goal: "exited", timeoutMs: 5_000, signal });
    await procs.create(spec);
    assert.equal(seen.at(-1)?.length, 2);
  });

  it("refuses to raise a limit, and lets it be lowered", async () => {
    const { seen, refusing, opened } = openFull({ possible: true });
    const procs = await opened;
    const id = await runOne(procs);
    refusing.room = true;
    await assert.rejects(procs.patch(id, { limits: { memoryBytes: 2 ** 40 } }), { code: "no-room" });
    assert.equal(seen.at(-1)?.length, 0, "its own limit does not stand in its way");
    await assert.rejects(procs.patch(id, { limits: { cpus: 99 } }), { code: "limit-beyond-host" });
    assert.deepEqual(procs.get(id).limits, defaultLimits);
    const { limits } = await procs.patch(id, { limits: { memoryBytes: 2 ** 25 } });
    assert.equal(limits.memoryBytes, 2 ** 25);
  });
});
