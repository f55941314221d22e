import { SharkuError } from "../contract/errors.ts";
import type { Limits } from "../contract/proc.ts";
import { CPU_PERIOD_US, cpuQuotaUs } from "./rules/limits.ts";

/** What one file of a cgroup is to say. */
export interface CgroupWrite {
  readonly file: string;
  readonly value: string;
}

/** What a cgroup says now, in bytes; null where it has no such file. */
export interface MemoryNow {
  readonly limitBytes: number | null;
  readonly usedBytes: number | null;
}

/** So much of the limit may be in use when it is lowered; what is above would be killed at the next page. */
const USED_SHARE_MAX = 0.95;

/**
 * Errors: `limit-in-use` where the new limit is lower than the one that holds, and about as much is in use: the
 * kernel would refuse it (v1) or kill at once (v2).
 */
export function assertFits(memoryBytes: number, { limitBytes, usedBytes }: MemoryNow): void {
  if (limitBytes === null || usedBytes === null || memoryBytes >= limitBytes) return;
  if (usedBytes <= memoryBytes * USED_SHARE_MAX) return;
  throw new SharkuError(
    "limit-in-use",
    `Cannot lower memoryBytes to ${memoryBytes}: ${usedBytes} bytes are in use, wanted is room for them; choose more, or stop the proc`,
  );
}

/**
 * The writes that make limits hold in a living cgroup, in an order that the kernel takes: on v1 memory with swap may
 * never be below memory alone, so which of the two goes first depends on the direction.
 */
export function limitWrites(
  limits: Limits,
  { layout, swapAccounting, raises }: { layout: "v1" | "v2"; swapAccounting: boolean; raises: boolean },
): CgroupWrite[] {
  const memory = String(limits.memoryBytes);
  const pids = { file: "pids.max", value: String(limits.pids) };
  const quota = limits.cpus === null ? null : cpuQuotaUs(limits.cpus);
  if (layout === "v2") {
    return [
      { file: "memory.max", value: memory },
      pids,
      { file: "cpu.max", value: `${quota ?? "max"} ${CPU_PERIOD_US}` },
    ];
  }
  const alone = { file: "memory.limit_in_bytes", value: memory };
  const withSwap = { file: "memory.memsw.limit_in_bytes", value: memory };
  const both = raises ? [withSwap, alone] : [alone, withSwap];
  return [
    ...(swapAccounting ? both : [alone]),
    pids,
    { file: "cpu.cfs_period_us", value: String(CPU_PERIOD_US) },
    { file: "cpu.cfs_quota_us", value: String(quota ?? -1) },
  ];
}
