import assert from "node:assert/strict";
import { test } from "node:test";
import { startDaemon } from "./harness.ts";
import { takeLedger } from "./ledger.ts";
import { signal } from "./processes.ts";

test("a daemon that is told twice at once to end gives everything back all the same", async () => {
  await using daemon = await startDaemon();
  const held = await takeLedger(daemon.places);
  assert.ok((held["interfaces"] ?? []).length > 0, "it has a bridge to give back");
  // As timeout(1) does: once to the process, once to its group.
  signal(daemon.pid, "SIGTERM");
  await daemon.stop();
  const left = await takeLedger(daemon.places);
  for (const kind of ["interfaces", "cgroups", "mounts", "processes"]) assert.deepEqual(left[kind], [], kind);
});
