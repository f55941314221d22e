import assert from "node:assert/strict";
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { defaultLimits } from "../contract/proc.ts";
import { pause } from "../lib/clock.ts";
import { Cgroups } from "./cgroup.ts";

test("applyLimits() changes back what it has changed where a later one is refused", async () => {
  const root = await mkdtemp(join(tmpdir(), "sharku-cgroup-"));
  try {
    const dir = join(root, "parent", "one");
    await mkdir(dir, { recursive: true });
    await writeFile(join(dir, "memory.limit_in_bytes"), "1000000000\n");
    // Can be read, and written by nobody.
    await symlink("/proc/version", join(dir, "memory.memsw.limit_in_bytes"));
    await writeFile(join(dir, "pids.max"), "max\n");
    const cgroups = new Cgroups({ version: "v1", roots: [root] }, "parent", pause);
    const limits = { ...defaultLimits, memoryBytes: 500_000_000 };
    await assert.rejects(cgroups.applyLimits("one", limits), /EACCES|EIO|EPERM/);
    assert.equal(await readFile(join(dir, "memory.limit_in_bytes"), "utf8"), "1000000000");
    assert.equal(await readFile(join(dir, "pids.max"), "utf8"), "max\n");
  } finally {
    await rm(root, { recursive: true });
  }
});
