import type { CpuFigures, IoFigures, MemoryFigures } from "../../contract/stats.ts";

/**
 * What the files of a cgroup say, in the words of the contract: cgroup-v2.rst, cgroup-v1/memory.rst, cpuacct.rst
 * and blkio-controller.rst of the kernel. Pure; a file that is not there is null.
 */

/** The text of one file of the cgroup, or null. */
export type ReadFile = (name: string) => string | null;

type Layout = "v1" | "v2";

/** v1 says "no limit" by the largest number of pages that it knows. */
const V1_UNLIMITED = 2 ** 62;

/** Of loop devices. */
const LOOP_MAJOR = 7;

const NS_PER_MS = 1_000_000;
const US_PER_MS = 1000;

/** Null where memory is not counted here, or the cgroup is gone. */
export function parseMemory(layout: Layout, read: ReadFile): MemoryFigures | null {
  return layout === "v2" ? memoryOfV2(read) : memoryOfV1(read);
}

function memoryOfV2(read: ReadFile): MemoryFigures | null {
  const totalBytes = numberOf(read("memory.current"));
  const stat = wordsOf(read("memory.stat"));
  if (totalBytes === null || stat === null) return null;
  const shmemBytes = stat.get("shmem") ?? 0;
  const inactiveFileBytes = stat.get("inactive_file") ?? 0;
  return {
    usedBytes: Math.max(0, totalBytes - inactiveFileBytes),
    totalBytes,
    anonBytes: stat.get("anon") ?? 0,
    // What is in a tmpfs counts as file too.
    fileBytes: Math.max(0, (stat.get("file") ?? 0) - shmemBytes),
    inactiveFileBytes,
    shmemBytes,
    kernelBytes: stat.get("kernel") ?? null,
    limitBytes: numberOf(read("memory.max")),
    peakBytes: numberOf(read("memory.peak")),
    oomKills: wordsOf(read("memory.events"))?.get("oom_kill") ?? 0,
  };
}

function memoryOfV1(read: ReadFile): MemoryFigures | null {
  const totalBytes = numberOf(read("memory.usage_in_bytes"));
  const stat = wordsOf(read("memory.stat"));
  if (totalBytes === null || stat === null) return null;
  const shmemBytes = stat.get("total_shmem") ?? 0;
  const inactiveFileBytes = stat.get("total_inactive_file") ?? 0;
  const limit = numberOf(read("memory.limit_in_bytes"));
  return {
    usedBytes: Math.max(0, totalBytes - inactiveFileBytes),
    totalBytes,
    anonBytes: stat.get("total_rss") ?? 0,
    fileBytes: Math.max(0, (stat.get("total_cache") ?? 0) - shmemBytes),
    inactiveFileBytes,
    shmemBytes,
    kernelBytes: numberOf(read("memory.kmem.usage_in_bytes")),
    limitBytes: limit === null || limit >= V1_UNLIMITED ? null : limit,
    peakBytes: numberOf(read("memory.max_usage_in_bytes")),
    oomKills: wordsOf(read("memory.oom_control"))?.get("oom_kill") ?? 0,
  };
}

export function parseCpu(layout: Layout, read: ReadFile): CpuFigures | null {
  return layout === "v2" ? cpuOfV2(read) : cpuOfV1(read);
}

function cpuOfV2(read: ReadFile): CpuFigures | null {
  const stat = wordsOf(read("cpu.stat"));
  const usage = stat?.get("usage_usec");
  if (stat === null || usage === undefined) return null;
  const [quota = "max", period] = (read("cpu.max") ?? "").trim().split(" ");
  return {
    usageMs: Math.round(usage / US_PER_MS),
    userMs: Math.round((stat.get("user_usec") ?? 0) / US_PER_MS),
    systemMs: Math.round((stat.get("system_usec") ?? 0) / US_PER_MS),
    limitCpus: ratio(Number(quota), Number(period)),
    periods: stat.get("nr_periods") ?? 0,
    throttledPeriods: stat.get("nr_throttled") ?? 0,
    throttledMs: Math.round((stat.get("throttled_usec") ?? 0) / US_PER_MS),
  };
}

function cpuOfV1(read: ReadFile): CpuFigures | null {
  const usage = numberOf(read("cpuacct.usage"));
  if (usage === null) return null;
  const stat = wordsOf(read("cpu.stat"));
  return {
    usageMs: Math.round(usage / NS_PER_MS),
    userMs: Math.round((numberOf(read("cpuacct.usage_user")) ?? 0) / NS_PER_MS),
    systemMs: Math.round((numberOf(read("cpuacct.usage_sys")) ?? 0) / NS_PER_MS),
    limitCpus: ratio(
      numberOf(read("cpu.cfs_quota_us")) ?? Number.NaN,
      numberOf(read("cpu.cfs_period_us")) ?? Number.NaN,
    ),
    periods: stat?.get("nr_periods") ?? 0,
    throttledPeriods: stat?.get("nr_throttled") ?? 0,
    throttledMs: Math.round((stat?.get("throttled_time") ?? 0) / NS_PER_MS),
  };
}

export function parsePids(read: ReadFile) {
  const current = numberOf(read("pids.current"));
  if (current === null) return null;
  return { current, limit: numberOf(read("pids.max")), refused: refusedPids(read("pids.events")) };
}

/** How often a process was refused for the limit; null where this kernel does not count it. */
export function refusedPids(events: string | null): number | null {
  return wordsOf(events)?.get("max") ?? null;
}

export function parseIo(layout: Layout, read: ReadFile): IoFigures | null {
  return layout === "v2" ? ioOfV2(read("io.stat")) : ioOfV1(read);
}

/** Lines like `254:0 rbytes=4096 wbytes=0 rios=1 wios=0 dbytes=0 dios=0`; none where nothing was done yet. */
function ioOfV2(text: string | null): IoFigures | null {
  if (text === null) return null;
  const sums = new DeviceSums();
  for (const line of text.split("\n")) {
    const [device = "", ...pairs] = line.split(" ");
    for (const pair of pairs) {
      const [name = "", value] = pair.split("=");
      sums.add(device, name, Number(value) || 0);
    }
  }
  return {
    readBytes: sums.of("rbytes"),
    writeBytes: sums.of("wbytes"),
    readOperations: sums.of("rios"),
    writeOperations: sums.of("wios"),
  };
}

/**
 * Lines like `254:0 Read 4096`. Where there is none, nothing was done yet, or nobody counts: since Linux 6.10 v1 does
 * so only for devices that somebody throttles.
 */
function ioOfV1(read: ReadFile): IoFigures | null {
  const bytes = sumsOfV1(read("blkio.throttle.io_service_bytes_recursive"));
  const operations = sumsOfV1(read("blkio.throttle.io_serviced_recursive"));
  if (bytes === null || operations === null) return null;
  return {
    readBytes: bytes.of("Read"),
    writeBytes: bytes.of("Write"),
    readOperations: operations.of("Read"),
    writeOperations: operations.of("Write"),
  };
}

function sumsOfV1(text: string | null): DeviceSums | null {
  if (text === null || !/^\d+:\d+ /m.test(text)) return null;
  const sums = new DeviceSums();
  for (const line of text.split("\n")) {
    const [device = "", kind = "", value] = line.split(" ");
    if (/^\d+:\d+$/.test(device)) sums.add(device, kind, Number(value) || 0);
  }
  return sums;
}

/**
 * Sums over devices. What an app writes to its /app is counted at its loop device at once and at the host's disk
 * below it a little later: the larger of the two is what it did, their sum would be twice that.
 */
class DeviceSums {
  readonly #loops = new Map<string, number>();
  readonly #disks = new Map<string, number>();

  add(device: string, name: string, value: number): void {
    const sums = Number.parseInt(device, 10) === LOOP_MAJOR ? this.#loops : this.#disks;
    sums.set(name, (sums.get(name) ?? 0) + value);
  }

  of(name: string): number {
    return Math.max(this.#loops.get(name) ?? 0, this.#disks.get(name) ?? 0);
  }
}

/** Null for `max`, and for what is no number. */
function numberOf(text: string | null): number | null {
  const trimmed = text?.trim() ?? "";
  return /^-?\d+$/.test(trimmed) ? Number(trimmed) : null;
}

/** Lines of a word and a number. */
function wordsOf(text: string | null): Map<string, number> | null {
  if (text === null) return null;
  const words = new Map<string, number>();
  for (const line of text.split("\n")) {
    const at = line.indexOf(" ");
    if (at > 0) words.set(line.slice(0, at), Number(line.slice(at + 1)) || 0);
  }
  return words;
}

function ratio(quota: number, period: number): number | null {
  return quota > 0 && period > 0 ? quota / period : null;
}
