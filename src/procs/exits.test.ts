import assert from "node:assert/strict";
import { test } from "node:test";
import { sampleProc } from "../../test/samples.ts";
import { judgeEnd, type SeenEnd } from "./exits.ts";
import type { ProcRecord } from "./record.ts";

const now = new Date("2026-01-02T04:00:00.000Z");
const seen: SeenEnd = { code: 137, oom: false, rebooted: false };

function asked(deadline: string, more: Partial<ProcRecord> = {}): ProcRecord {
  const stopping = { why: "stopped", signal: "SIGTERM", deadline } as const;
  return { ...sampleProc("p1"), state: "stopping", wanted: "stopped", stopping, ...more };
}

test("judgeEnd() says that it was killed where it has outlived its grace, and only there", () => {
  const [over, ahead] = ["2026-01-02T03:59:59.000Z", "2026-01-02T04:00:30.000Z"];
  const told = judgeEnd(asked(over), seen, now);
  assert.deepEqual([told.reason, told.killed], ["stopped", true]);
  assert.match(told.message, /outlived its grace/);

  const early = judgeEnd(asked(ahead), { ...seen, oom: true }, now);
  assert.deepEqual([early.reason, early.killed], ["stopped", false]);
  assert.doesNotMatch(early.message, /outlived its grace/);

  // A restart is wished, and before it hears of it the kernel kills it for want of memory.
  const stopping = { why: "restart", signal: "SIGTERM", deadline: over } as const;
  const unheard = asked(over, { state: "running", wanted: "running", stopping });
  const oom = judgeEnd(unheard, { ...seen, oom: true }, now);
  assert.deepEqual([oom.reason, oom.killed], ["oom", false]);
});
