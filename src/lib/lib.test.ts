import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { FifoPool } from "./fifo-pool.ts";
import { Lane } from "./lane.ts";
import { pageOfAll } from "./page.ts";
import { CommandError, runCommand, tryCommand } from "./run-command.ts";
import { Turns } from "./turns.ts";

describe("Turns", () => {
  it("gives so many turns at once, and calls the others in the order they came", () => {
    const called: string[] = [];
    const turns = new Turns<{ name: string }>(2, ({ name }) => called.push(name));
    const [a, b, c, d] = ["a", "b", "c", "d"].map((name) => ({ name }));
    assert.ok(a && b && c && d);
    assert.deepEqual(
      [a, b, c, d].map((one) => turns.take(one)),
      [true, true, false, false],
    );
    turns.leave(a);
    assert.deepEqual(called, ["c"]);
    assert.equal(turns.take(c), true);
    assert.equal(turns.take(a), false);
    turns.leave(b);
    turns.leave(b);
    assert.deepEqual(called, ["c", "d"]);
    turns.leave(a);
    turns.leave(c);
    turns.leave(d);
    assert.deepEqual(called, ["c", "d"], "who gave up waiting is not called");
    assert.equal(turns.take(b), true);
  });
});

describe("Lane", () => {
  it("runs one task after another, also after one that fails", async () => {
    const lane = new Lane();
    const order: number[] = [];
    const task = (number: number, fails: boolean) => async () => {
      await new Promise((resolve) => setImmediate(resolve));
      order.push(number);
      if (fails) throw new Error("as planned");
    };
    const results = await Promise.allSettled([
      lane.run(task(1, false)),
      lane.run(task(2, true)),
      lane.run(task(3, false)),
    ]);
    assert.deepEqual(order, [1, 2, 3]);
    assert.deepEqual(
      results.map(({ status }) => status),
      ["fulfilled", "rejected", "fulfilled"],
    );
    assert.equal(lane.length, 0);
  });
});

describe("FifoPool", () => {
  it("hands out the number longest unused", () => {
    const pool = new FifoPool(1, 3);
    assert.deepEqual([pool.acquire(), pool.acquire()], [1, 2]);
    pool.release(1);
    pool.release(1);
    pool.release(99);
    assert.deepEqual([pool.acquire(), pool.acquire(), pool.acquire()], [3, 1, null]);
  });
});

describe("pageOfAll()", () => {
  it("goes through a list page by page, whatever comes and goes between", () => {
    const keyOf = (item: string) => item;
    const first = pageOfAll(["a", "b", "c"], { limit: 2, keyOf });
    assert.deepEqual(first.items, ["a", "b"]);
    const second = pageOfAll(["a", "bb", "c"], { limit: 2, keyOf, cursor: first.next ?? "" });
    assert.deepEqual(second, { items: ["bb", "c"], next: null });
  });

  it("refuses a cursor that it has not given", () => {
    assert.throws(() => pageOfAll([], { cursor: "%%", keyOf: String }), { code: "invalid-request" });
  });
});

describe("runCommand()", () => {
  it("gives what the command says, and its input to it", async () => {
    assert.equal((await runCommand(["cat"], { input: "hello" })).stdout, "hello");
  });

  it("tells a failure by the command's own words", async () => {
    const failing = runCommand(["sh", "-c", "echo because >&2; exit 3"]);
    await assert.rejects(failing, (error) => {
      assert.ok(error instanceof CommandError);
      assert.equal(error.result?.code, 3);
      assert.match(error.message, /because/);
      return true;
    });
    assert.equal((await tryCommand(["sh", "-c", "exit 3"])).code, 3);
  });

  it("tells a command that is not there from one that fails", async () => {
    await assert.rejects(runCommand(["/no/such/program"]), (error) => {
      assert.ok(error instanceof CommandError);
      assert.equal(error.result, null);
      return true;
    });
  });

  it("ends the command and its children at the timeout", async () => {
    const began = performance.now();
    await assert.rejects(runCommand(["sh", "-c", "sleep 60 & wait"], { timeoutMs: 50 }), /no end in 50 ms/);
    assert.ok(performance.now() - began < 30_000);
  });
});
