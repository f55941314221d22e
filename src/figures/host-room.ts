import type { Capacity } from "../contract/capacity.ts";
import { SharkuError } from "../contract/errors.ts";
import type { Limits } from "../contract/proc.ts";
import { finalStates } from "../contract/states.ts";
import type { Measured } from "../procs/measured.ts";
import type { HostRoom as Room } from "../procs/needs.ts";
import type { HostNow } from "./read-host.ts";

/** So much of the host's memory is kept for what runs already; a small host keeps a twentieth of its own. */
const KEPT_MEMORY_BYTES = 256 * 2 ** 20;
const KEPT_PART = 0.05;

/** So many processes and threads are left to the host. */
const KEPT_TASKS = 1024;

export interface HostRoomNeeds {
  readonly readHost: () => HostNow;
  readonly readDisk: () => { totalBytes: number; availableBytes: number; keptBytes: number };
  /** How many times the host's memory may be promised; null where nothing bounds that. */
  readonly memoryOvercommit: number | null;
  readonly slotCount: number;
  readonly ports: () => { total: number; free: number };
}

/**
 * Whether this host takes another proc. A limit is a ceiling and no reservation, so what counts is what the host
 * really has left; how much may be promised is for the operator to bound.
 */
export class HostRoom implements Room {
  readonly #needs: HostRoomNeeds;

  constructor(needs: HostRoomNeeds) {
    this.#needs = needs;
  }

  assertPossible({ cpus, memoryBytes }: Limits): void {
    const host = this.#needs.readHost();
    if (cpus !== null && cpus > host.cores) {
      throw beyond(
        "cpus",
        `Cannot give a proc ${cpus} processors: this host has ${host.cores}, wanted was at most that, or null for all of them`,
      );
    }
    if (memoryBytes > host.memoryBytes) {
      throw beyond(
        "memoryBytes",
        `Cannot give a proc ${mib(memoryBytes)} MiB of memory: this host has ${mib(host.memoryBytes)} MiB, wanted was at most that`,
      );
    }
  }

  assertRoom(limits: Limits, living: readonly Limits[]): void {
    const host = this.#needs.readHost();
    const kept = keptBytes(host);
    if (host.availableBytes < kept) {
      throw noRoom(
        `memory is short, ${mib(host.availableBytes)} MiB are available and ${mib(kept)} MiB are kept for what runs already`,
      );
    }
    const { memoryOvercommit } = this.#needs;
    const promised = sum(living, ({ memoryBytes }) => memoryBytes);
    if (memoryOvercommit !== null && promised + limits.memoryBytes > host.memoryBytes * memoryOvercommit) {
      const most = mib(host.memoryBytes * memoryOvercommit);
      throw noRoom(
        `of the ${most} MiB of memory that may be promised (--memory-overcommit ${memoryOvercommit}), ${mib(promised)} MiB are, and ${mib(limits.memoryBytes)} MiB were wanted`,
      );
    }
    const free = host.tasksMax - host.tasks;
    const keptTasks = keptTasksOf(host);
    if (free < keptTasks) {
      throw noRoom(
        `processes are short, the kernel (kernel.pid_max, kernel.threads-max) allows ${free} more and ${keptTasks} are kept for what runs already`,
      );
    }
  }

  capacity(procs: readonly Measured[]): Capacity {
    const { readHost, readDisk, memoryOvercommit, slotCount, ports } = this.#needs;
    const host = readHost();
    const living = procs.filter(({ state }) => !finalStates.includes(state));
    const limits = living.map((proc) => proc.limits);
    const { total, free } = ports();
    const promisedBytes = sum(limits, ({ memoryBytes }) => memoryBytes);
    const keptMemory = keptBytes(host);
    const most =
      memoryOvercommit === null
        ? host.memoryBytes
        : Math.min(host.memoryBytes, Math.floor(host.memoryBytes * memoryOvercommit) - promisedBytes);
    return {
      memory: {
        totalBytes: host.memoryBytes,
        availableBytes: host.availableBytes,
        usedBytes: Math.max(0, host.memoryBytes - host.availableBytes),
        promisedBytes,
        keptBytes: keptMemory,
        overcommit: memoryOvercommit,
        roomBytes: host.availableBytes < keptMemory ? 0 : Math.max(0, most),
      },
      cpus: {
        total: host.cores,
        promised: sum(limits, ({ cpus }) => cpus ?? 0),
        unboundProcs: limits.filter(({ cpus }) => cpus === null).length,
        loadAverage: host.loadAverage,
      },
      disk: { ...readDisk(), promisedBytes: sum(limits, ({ appBytes }) => appBytes) },
      processes: {
        total: host.tasksMax,
        used: host.tasks,
        promised: sum(limits, ({ pids }) => pids),
        kept: keptTasksOf(host),
      },
      slots: { total: slotCount, used: living.length, free: Math.max(0, slotCount - living.length) },
      ports: { total, used: total - free, free },
      procs: living.length,
    };
  }
}

function keptBytes({ memoryBytes }: HostNow): number {
  return Math.round(Math.min(KEPT_MEMORY_BYTES, memoryBytes * KEPT_PART));
}

function keptTasksOf({ tasksMax }: HostNow): number {
  return Math.round(Math.min(KEPT_TASKS, tasksMax * KEPT_PART));
}

function sum<T>(items: readonly T[], of: (item: T) => number): number {
  return items.reduce((total, item) => total + of(item), 0);
}

function mib(bytes: number): number {
  return Math.floor(bytes / 2 ** 20);
}

function beyond(field: "cpus" | "memoryBytes", detail: string): SharkuError {
  return new SharkuError("limit-beyond-host", detail, { faults: [{ pointer: `/limits/${field}`, detail }] });
}

function noRoom(what: string): SharkuError {
  return new SharkuError(
    "no-room",
    `Cannot take another proc: ${what}; end procs or lower their limits, GET /v1/capacity tells what is left, or use another host`,
  );
}
