import assert from "node:assert/strict";
import { test } from "node:test";
import { emptyDir, runPaths } from "./run-paths.ts";

test("runPaths() keeps all that is bound with mapped owners out of the run directory, a tmpfs", () => {
  const dirs = { stateDir: "/var/lib/sharku", runDir: "/run/sharku" };
  const { hostsFile, resolvFile } = runPaths(dirs, "run1");
  for (const path of [hostsFile, resolvFile]) {
    assert.ok(path.startsWith("/var/lib/sharku/scratch/run1/"), path);
  }
  assert.ok(emptyDir(dirs).startsWith("/var/lib/sharku/"));
});
