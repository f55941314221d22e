import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { victimOf } from "./kernel-kills.ts";
import { judgeOomVictim } from "./oom-victim.ts";

const evidence = { kills: 1, killsBefore: 0, mainPids: [70, 71], killed: new Set([71]) };

describe("judgeOomVictim", () => {
  it("goes by the pids that the kernel names", () => {
    assert.equal(judgeOomVictim(evidence), "main");
    assert.equal(judgeOomVictim({ ...evidence, killed: new Set([70]) }), "main");
    assert.equal(judgeOomVictim({ ...evidence, killed: new Set([72]) }), "other");
    assert.equal(judgeOomVictim({ ...evidence, kills: 0 }), "none");
  });

  it("goes by the count where no pid is named, and says where that is not sure", () => {
    for (const unknown of [{ killed: null }, { mainPids: null }]) {
      assert.equal(judgeOomVictim({ ...evidence, ...unknown }), "unsure");
      assert.equal(judgeOomVictim({ ...evidence, ...unknown, killsBefore: null }), "unsure");
      assert.equal(judgeOomVictim({ ...evidence, ...unknown, killsBefore: 1 }), "other");
    }
  });
});

describe("victimOf", () => {
  it("reads the kernel's own words, of a limit and of the host", () => {
    const words = "Killed process 21696 (python3) total-vm:76604kB, anon-rss:64920kB, UID:536870921";
    assert.equal(victimOf(`3,6129,27878860720,-;Memory cgroup out of memory: ${words}\n`), 21696);
    assert.equal(victimOf(`3,6129,27878860720,-,caller=T1;Out of memory: ${words}\n`), 21696);
    assert.equal(victimOf(`3,1,2,-;Out of memory (oom_kill_allocating_task): ${words}\n`), 21696);
  });

  it("takes nobody else's words for it", () => {
    assert.equal(victimOf("11,1,2,-;Memory cgroup out of memory: Killed process 7 (a) x\n"), null);
    assert.equal(victimOf("6,1,2,-;eth0: Memory cgroup out of memory: Killed process 7 (a) x\n"), null);
    assert.equal(victimOf("nonsense"), null);
  });
});
