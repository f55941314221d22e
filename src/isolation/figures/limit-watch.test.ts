import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { defaultLimits } from "../../contract/proc.ts";
import { LimitWatch } from "./limit-watch.ts";

const limits = { ...defaultLimits, memoryBytes: 1000, pids: 10 };

function watchOne(isFresh = true) {
  const run = { total: 0, used: 0, pids: 1, refused: 0 as number | null, kills: 0 as number | null };
  const figures = {
    totalBytes: () => run.total,
    usedBytes: () => run.used,
    pids: () => run.pids,
    refusedPids: () => run.refused,
    oomKills: () => run.kills,
  };
  const watch = new LimitWatch({ figures, report: (fault) => assert.fail(String(fault)) });
  watch.set("one", limits, { isFresh });
  const look = async () => {
    const told: string[] = [];
    await watch.lookAtAll((runId, warning) => told.push(`${runId} ${warning}`));
    return told;
  };
  return { run, watch, look };
}

describe("LimitWatch", () => {
  it("tells of memory once, until there is room again", async () => {
    const { run, look } = watchOne();
    Object.assign(run, { total: 899, used: 899 });
    assert.deepEqual(await look(), []);
    Object.assign(run, { total: 950, used: 900 });
    assert.deepEqual(await look(), ["one memory-high"]);
    assert.deepEqual(await look(), []);
    Object.assign(run, { total: 850, used: 850 });
    assert.deepEqual(await look(), [], "a little less is no room");
    Object.assign(run, { total: 950, used: 950 });
    assert.deepEqual(await look(), []);
    Object.assign(run, { total: 700, used: 700 });
    assert.deepEqual(await look(), []);
    Object.assign(run, { total: 990, used: 990 });
    assert.deepEqual(await look(), ["one memory-high"]);
  });

  it("does not mistake files that were read for memory in use", async () => {
    const { run, look } = watchOne();
    Object.assign(run, { total: 1000, used: 300 });
    assert.deepEqual(await look(), []);
  });

  it("goes by the limits that hold now", async () => {
    const { run, watch, look } = watchOne();
    Object.assign(run, { total: 500, used: 500 });
    assert.deepEqual(await look(), []);
    watch.set("one", { ...limits, memoryBytes: 520 });
    assert.deepEqual(await look(), ["one memory-high"]);
  });

  it("tells that processes are refused once, until there is room again", async () => {
    const { run, look } = watchOne();
    Object.assign(run, { pids: 10, refused: 3 });
    assert.deepEqual(await look(), ["one pids-limit"]);
    run.refused = 5;
    assert.deepEqual(await look(), []);
    run.pids = 5;
    assert.deepEqual(await look(), []);
    Object.assign(run, { pids: 10, refused: 6 });
    assert.deepEqual(await look(), ["one pids-limit"]);
  });

  it("does not tell again what a daemon before has seen, nor of what the kernel does not count", async () => {
    const { run, look } = watchOne(false);
    run.refused = 7;
    assert.deepEqual(await look(), []);
    run.refused = 8;
    assert.deepEqual(await look(), ["one pids-limit"]);
    run.refused = null;
    assert.deepEqual(await look(), []);
  });

  it("tells of a process that the kernel has killed once the run has outlived it, and not on and on", async () => {
    const { run, watch, look } = watchOne();
    assert.equal(watch.killsSeen("one"), 0);
    run.kills = 1;
    assert.deepEqual(await look(), [], "it may be the end of the run");
    assert.equal(watch.killsSeen("one"), 1);
    assert.deepEqual(await look(), ["one oom"]);
    const told: string[] = [];
    for (let looks = 0; looks < 45; looks += 1) {
      run.kills += 1;
      told.push(...(await look()));
    }
    assert.deepEqual(told, ["one oom", "one oom"]);
    for (let looks = 0; looks < 45; looks += 1) told.push(...(await look()));
    assert.deepEqual(told, ["one oom", "one oom", "one oom"], "the last of them are told of, too");
  });

  it("does not tell of kills that a daemon before has seen", async () => {
    const { run, watch, look } = watchOne(false);
    assert.equal(watch.killsSeen("one"), null);
    run.kills = 3;
    assert.deepEqual([...(await look()), ...(await look())], []);
    run.kills = 4;
    assert.deepEqual([...(await look()), ...(await look())], ["one oom"]);
  });

  it("forgets a run that has gone", async () => {
    const { run, watch, look } = watchOne();
    Object.assign(run, { total: 1000, used: 1000 });
    watch.forget("one");
    assert.deepEqual(await look(), []);
  });
});
