import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { allFeatures } from "./features.ts";
import { Runtimes } from "./runtimes.ts";

test("features() tries again what the host was unable to try", async () => {
  const dir = await mkdtemp(join(tmpdir(), "sharku-runtimes-"));
  try {
    const runtimes = new Runtimes({ stateDir: dir, runDir: dir }, { timeoutMs: 1000 });
    await runtimes.open([{ name: "node", program: process.execPath }]);
    const findings = { version: "1", usable: true, features: allFeatures, problems: [] };
    let isFull = true;
    await runtimes.tryAll("ground", async () => {
      if (isFull) throw new Error("no space left");
      return { findings, isSure: true };
    });
    assert.deepEqual(runtimes.reports()[0]?.problems, ["could not be tried: no space left"]);
    await assert.rejects(runtimes.features("node"), /no space left/);
    isFull = false;
    assert.deepEqual(await runtimes.features("node"), allFeatures);
    assert.equal(runtimes.reports()[0]?.usable, true);
  } finally {
    await rm(dir, { recursive: true });
  }
});
