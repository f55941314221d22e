import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { AtOnce } from "./at-once.ts";

const never = new AbortController().signal;

describe("AtOnce", () => {
  it("runs no more than that at once, and all in the end, in their order", async () => {
    const gate = new AtOnce(2);
    const begun: number[] = [];
    let now = 0;
    let most = 0;
    const task = (number: number) => async () => {
      begun.push(number);
      now += 1;
      most = Math.max(most, now);
      await new Promise((resolve) => setImmediate(resolve));
      now -= 1;
      if (number === 1) throw new Error("one that fails");
    };
    const all = [0, 1, 2, 3, 4].map((number) => gate.run(task(number), never));
    const ends = await Promise.allSettled(all);
    assert.deepEqual(
      ends.map(({ status }) => status),
      ["fulfilled", "rejected", "fulfilled", "fulfilled", "fulfilled"],
    );
    assert.deepEqual([begun, most], [[0, 1, 2, 3, 4], 2]);
  });

  it("lets one go that no longer waits, and its place is another's", async () => {
    const gate = new AtOnce(1);
    const holding = Promise.withResolvers<void>();
    const first = gate.run(() => holding.promise, never);
    const bored = new AbortController();
    const second = gate.run(async () => assert.fail("it was called off"), bored.signal);
    const third = gate.run(async () => "third", never);
    bored.abort(new Error("bored"));
    await assert.rejects(second, /bored/);
    holding.resolve();
    await first;
    assert.equal(await third, "third");
    assert.equal(await gate.run(async () => "again", never), "again");
  });
});
