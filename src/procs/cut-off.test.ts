import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { World } from "../../test/fakes/world.ts";
import { until } from "../../test/until.ts";
import { Procs } from "./procs.ts";

const spec = { app: "shop", name: "web.1", command: "true" };

/** A runtime that makes no container until it is cut off, or until it is let go. */
class Hanging extends World {
  cuts = 0;
  readonly #hang = Promise.withResolvers<void>();
  begun = false;

  constructor() {
    super();
    this.beforeCreate = () => {
      this.begun = true;
      return this.#hang.promise;
    };
    this.interrupt = () => {
      this.cuts += 1;
      this.#hang.reject(new Error("the runtime was killed"));
    };
  }

  letGo(): void {
    this.#hang.resolve();
  }
}

async function hanging() {
  const world = new Hanging();
  const procs = new Procs(world.needs());
  await procs.open();
  const { id } = await procs.create(spec);
  await until("the runtime hangs", () => world.begun);
  return { world, procs, id };
}

describe("a launch that hangs", () => {
  it("is cut off by a delete, which is answered at once and leaves nothing", async () => {
    const { world, procs, id } = await hanging();
    assert.equal((await procs.remove(id, {})).state, "boot");
    await until("it is gone", () => !procs.has(id));
    assert.deepEqual([world.held(), world.starts, world.cuts > 0], [[], [], true]);
  });

  it("is cut off by a stop, and told as stopped before its command ran, not as a fault of the runtime", async () => {
    const { world, procs, id } = await hanging();
    await procs.stop(id, {});
    const told = () => world.events.findLast(({ procId }) => procId === id)?.proc;
    await until("it has ended", () => told()?.state === "done");
    const { exit, startedAt } = told() ?? {};
    assert.deepEqual(
      [exit?.reason, exit?.code, exit?.killed, exit?.message, startedAt],
      ["stopped", null, false, "Stopped before its command ran", null],
    );
  });

  it("never lets a command run that is to end, however the launch goes on", async () => {
    const { world, procs, id } = await hanging();
    world.timeStandsStill = true;
    await procs.stop(id, {});
    world.letGo();
    await until("it has ended", () => procs.hasEnded(id));
    assert.deepEqual([world.starts, world.cuts, procs.get(id).exit?.reason], [[], 0, "stopped"]);
  });

  it("holds up the new daemon no longer than its patience", async () => {
    const { world } = await hanging();
    const late = new Procs(world.needs());
    await late.open(5_000);
    assert.equal(late.list({}).items.length, 1);
  });
});
