import { readFileSync, statfsSync } from "node:fs";
import { cpus } from "node:os";

/** What the host has now: from the kernel's own words in memory, within some ten microseconds each. */
export interface HostNow {
  readonly cores: number;
  readonly memoryBytes: number;
  readonly availableBytes: number;
  /** Processes and threads, which the kernel numbers together. */
  readonly tasks: number;
  readonly tasksMax: number;
  readonly loadAverage: number;
}

/** Reads it whenever asked; how many processors there are is asked once, since that takes long. */
export function hostReader(): () => HostNow {
  const cores = cpus().length;
  return () => readHost(cores);
}

function readHost(cores: number): HostNow {
  const { memoryBytes, availableBytes } = parseMeminfo(readFileSync("/proc/meminfo", "latin1"));
  const { tasks, loadAverage } = parseLoadavg(readFileSync("/proc/loadavg", "latin1"));
  const most = ["pid_max", "threads-max"].map((name) =>
    Number(readFileSync(`/proc/sys/kernel/${name}`, "latin1")),
  );
  return { cores, memoryBytes, availableBytes, tasks, tasksMax: Math.min(...most), loadAverage };
}

export function readDisk(dir: string): { totalBytes: number; availableBytes: number } {
  const { blocks, bavail, bsize } = statfsSync(dir);
  return { totalBytes: blocks * bsize, availableBytes: bavail * bsize };
}

/** proc_meminfo(5): its kB are kibibytes. */
export function parseMeminfo(text: string): { memoryBytes: number; availableBytes: number } {
  const kibibytes = (name: string) => Number(new RegExp(`^${name}: +(\\d+) kB$`, "m").exec(text)?.[1] ?? 0);
  return { memoryBytes: kibibytes("MemTotal") * 1024, availableBytes: kibibytes("MemAvailable") * 1024 };
}

/** proc_loadavg(5): `0.20 0.18 0.12 1/80 11206`, the fourth being those that run and those that exist. */
export function parseLoadavg(text: string): { tasks: number; loadAverage: number } {
  const [minute, , , counts = ""] = text.split(" ");
  return { loadAverage: Number(minute), tasks: Number(counts.split("/")[1] ?? 0) };
}
