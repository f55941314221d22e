import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { parseCpu, parseIo, parseMemory, parsePids } from "./parse-figures.ts";

const read = (files: Record<string, string>) => (name: string) => files[name] ?? null;
const nowhere = read({});

/** As a Debian 12 has them; memory.stat cut short. */
const v2 = read({
  "memory.current": "125829120\n",
  "memory.max": "536870912\n",
  "memory.peak": "130023424\n",
  "memory.stat":
    "anon 104857600\nfile 12582912\nkernel 2097152\nshmem 4194304\ninactive_anon 0\ninactive_file 6291456\n",
  "memory.events": "low 0\nhigh 0\nmax 12\noom 2\noom_kill 1\noom_group_kill 0\n",
  "cpu.stat":
    "usage_usec 1500400\nuser_usec 1200000\nsystem_usec 300400\nnr_periods 40\nnr_throttled 12\nthrottled_usec 800000\n",
  "cpu.max": "50000 100000\n",
  "pids.current": "3\n",
  "pids.max": "256\n",
  "pids.events": "max 4\n",
  "io.stat":
    "7:3 rbytes=4096 wbytes=8192 rios=1 wios=2 dbytes=0 dios=0\n254:0 rbytes=1000 wbytes=2000 rios=3 wios=4 dbytes=0 dios=0\n254:16 rbytes=10 wbytes=20 rios=1 wios=1 dbytes=0 dios=0\n",
});

const v1 = read({
  "memory.usage_in_bytes": "125829120\n",
  "memory.limit_in_bytes": "536870912\n",
  "memory.max_usage_in_bytes": "130023424\n",
  "memory.kmem.usage_in_bytes": "2097152\n",
  "memory.stat":
    "cache 1\nrss 1\ninactive_file 1\ntotal_cache 12582912\ntotal_rss 104857600\ntotal_shmem 4194304\ntotal_inactive_file 6291456\n",
  "memory.oom_control": "oom_kill_disable 0\nunder_oom 0\noom_kill 1\n",
  "cpuacct.usage": "1500400000\n",
  "cpuacct.usage_user": "1200000000\n",
  "cpuacct.usage_sys": "300400000\n",
  "cpu.stat": "nr_periods 40\nnr_throttled 12\nthrottled_time 800000000\nnr_bursts 0\nburst_time 0\n",
  "cpu.cfs_quota_us": "50000\n",
  "cpu.cfs_period_us": "100000\n",
  "pids.current": "3\n",
  "pids.max": "256\n",
  "pids.events": "max 4\n",
  "blkio.throttle.io_service_bytes_recursive":
    "7:3 Read 4096\n7:3 Write 8192\n7:3 Total 12288\n254:0 Read 1010\n254:0 Write 2020\n254:0 Sync 3030\n254:0 Total 3030\nTotal 15318\n",
  "blkio.throttle.io_serviced_recursive": "254:0 Read 4\n254:0 Write 5\n254:0 Total 9\nTotal 9\n",
});

describe("the figures of a cgroup", () => {
  for (const [layout, files] of [
    ["v2", v2],
    ["v1", v1],
  ] as const) {
    it(`are the same on ${layout} as on the other`, () => {
      assert.deepEqual(parseMemory(layout, files), {
        usedBytes: 119_537_664,
        totalBytes: 125_829_120,
        anonBytes: 104_857_600,
        fileBytes: 8_388_608,
        inactiveFileBytes: 6_291_456,
        shmemBytes: 4_194_304,
        kernelBytes: 2_097_152,
        limitBytes: 536_870_912,
        peakBytes: 130_023_424,
        oomKills: 1,
      });
      assert.deepEqual(parseCpu(layout, files), {
        ...{ usageMs: 1500, userMs: 1200, systemMs: 300, limitCpus: 0.5 },
        ...{ periods: 40, throttledPeriods: 12, throttledMs: 800 },
      });
      assert.deepEqual(parsePids(files), { current: 3, limit: 256, refused: 4 });
      // What went to the loop device is counted at the disk below again, and is not added to that.
      assert.deepEqual(parseIo(layout, files), {
        ...{ readBytes: 4096, writeBytes: 8192, readOperations: 4, writeOperations: 5 },
      });
    });

    it(`are null on ${layout} where the host does not count`, () => {
      assert.equal(parseMemory(layout, nowhere), null);
      assert.equal(parseCpu(layout, nowhere), null);
      assert.equal(parsePids(nowhere), null);
      assert.equal(parseIo(layout, nowhere), null);
    });
  }

  it("tell what has no limit", () => {
    const unlimited = read({ "memory.current": "1", "memory.stat": "anon 1\n", "memory.max": "max\n" });
    assert.equal(parseMemory("v2", unlimited)?.limitBytes, null);
    const old = read({
      "memory.usage_in_bytes": "1",
      "memory.stat": "total_rss 1\n",
      "memory.limit_in_bytes": "9223372036854771712\n",
    });
    assert.equal(parseMemory("v1", old)?.limitBytes, null);
    assert.equal(parseMemory("v1", old)?.peakBytes, null);
    assert.equal(
      parseCpu("v2", read({ "cpu.stat": "usage_usec 0\n", "cpu.max": "max 100000\n" }))?.limitCpus,
      null,
    );
    const quota = { "cpuacct.usage": "0", "cpu.cfs_quota_us": "-1\n", "cpu.cfs_period_us": "100000\n" };
    assert.equal(parseCpu("v1", read(quota))?.limitCpus, null);
    const pids = read({ "pids.current": "1\n", "pids.max": "max\n" });
    assert.deepEqual(parsePids(pids), { current: 1, limit: null, refused: null });
  });

  it("are nothing so far where nothing was read or written", () => {
    const none = { readBytes: 0, writeBytes: 0, readOperations: 0, writeOperations: 0 };
    assert.deepEqual(parseIo("v2", read({ "io.stat": "" })), none);
  });

  it("of disks are null on v1 where no device is counted", () => {
    const files = {
      "blkio.throttle.io_service_bytes_recursive": "Total 0\n",
      "blkio.throttle.io_serviced_recursive": "Total 0\n",
    };
    assert.equal(parseIo("v1", read(files)), null);
  });
});
