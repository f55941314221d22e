import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import { allFeatures, fewFeatures, type RuntimeFeatures } from "./features.ts";
import { type TrialResult, tryRuntime } from "./trial.ts";

const EVERYTHING = ["seccomp 2", "closed", "tmp", "end"];

/** Tries a runtime that says these words for these features, or throws; which ways it was asked for. */
async function tried(
  run: (features: RuntimeFeatures, count: number) => readonly string[],
): Promise<TrialResult & { ways: RuntimeFeatures[] }> {
  const dir = await mkdtemp(join(tmpdir(), "sharku-trial-"));
  const logFile = join(dir, "log");
  const ways: RuntimeFeatures[] = [];
  try {
    const result = await tryRuntime({
      ...{ logFile, slot: 0, runId: "trial-1", imageDir: dir, hasFilter: true, timeoutMs: 1000 },
      template: { name: "host", version: "1", skeletonDir: dir, binds: [] },
      create: async (_, features) => {
        const words = run(features, ways.push(features));
        await writeFile(logFile, words.map((word) => `2026 stdout F ${word}\n`).join(""));
      },
      start: async () => undefined,
      exitCode: async () => 0,
      destroy: async () => undefined,
      sleep: async () => undefined,
      elapsedMs: () => 0,
    });
    return { ...result, ways };
  } finally {
    await rm(dir, { recursive: true });
  }
}

describe("tryRuntime()", () => {
  it("asks once where all is there", async () => {
    const { features, isSure, ways } = await tried(() => EVERYTHING);
    assert.deepEqual([features, isSure, ways.length], [allFeatures, true, 1]);
  });

  it("tries what it found, and not that where it fails", async () => {
    const some = EVERYTHING.filter((word) => word !== "closed");
    const wanted = { ...allFeatures, mappedBinds: false };
    const good = await tried(() => some);
    assert.deepEqual([good.features, good.isSure, good.ways], [wanted, true, [allFeatures, wanted]]);
    const bad = await tried((features) => {
      if (!features.mappedBinds && features.recursiveReadOnly) throw new Error("Not a directory");
      return some;
    });
    assert.deepEqual([bad.features, bad.problem, bad.isSure], [fewFeatures, null, true]);
  });

  it("is not misled by a fault that passes", async () => {
    const { features, problem, isSure } = await tried((_, count) => {
      if (count === 1) throw new Error("Resource temporarily unavailable");
      return EVERYTHING;
    });
    assert.deepEqual([features, problem, isSure], [allFeatures, null, true]);
  });

  it("is not sure where the same way failed in two ways", async () => {
    const { features, isSure } = await tried((_, count) => {
      if (count <= 2) throw new Error(`fault ${count}`);
      return EVERYTHING;
    });
    assert.deepEqual([features, isSure], [fewFeatures, false]);
  });
});
