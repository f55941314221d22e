import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { World } from "../../test/fakes/world.ts";
import { sampleProc, sampleRun } from "../../test/samples.ts";
import type { LogRecord } from "../contract/event.ts";
import { Life } from "./life.ts";
import { logTailOf } from "./log-tail.ts";

const run = { ...sampleRun("r1", { procId: "p1", slot: 0 }), released: true };

function line(time: string, text: string): LogRecord {
  return { time, stream: "stdout", line: text, cursor: "c" };
}

async function tailOf(lines: readonly LogRecord[], released = true): Promise<string[]> {
  const needs = new World().needs();
  const life = new Life(needs, sampleProc("p1"), { ...run, released });
  return await logTailOf(life, { ...needs, logs: { ...needs.logs, lastLines: async () => [...lines] } });
}

describe("logTailOf()", () => {
  it("leaves out what runs before have printed, to the millisecond", async () => {
    const since = run.createdAt.slice(0, -1);
    assert.deepEqual(
      await tailOf([line("2026-01-01T23:59:59.999999999Z", "before"), line(`${since}000001Z`, "after")]),
      ["after"],
    );
    assert.deepEqual(await tailOf([line(`${since}000001Z`, "of another")], false), []);
  });

  it("tells text only, and not too much of it", async () => {
    const bytes = Buffer.from([0xff, 0x41, 0x0d, 0x1b]).toString("base64");
    const odd = {
      time: "2027-01-01T00:00:00.000000000Z",
      stream: "stdout",
      lineBase64: bytes,
      cursor: "c",
    } as const;
    const [first, second] = await tailOf([odd, { ...odd, line: `${"x".repeat(499)}\u{1f600}` }]);
    assert.equal(first, "\ufffdA\ufffd\ufffd");
    assert.equal(second, `${"x".repeat(499)}\ufffd`);
  });

  it("holds up no end where the log cannot be read", async () => {
    const world = new World();
    const needs = world.needs();
    const lastLines = async () => await Promise.reject(new Error("no log"));
    const life = new Life(needs, sampleProc("p1"), run);
    assert.deepEqual(await logTailOf(life, { ...needs, logs: { ...needs.logs, lastLines } }), []);
    assert.equal(world.faults.length, 1);
  });
});
