import { availableParallelism, cpus, loadavg, release, totalmem } from "node:os";
import { detectCgroups } from "../src/host/gather-cgroups.ts";
import { findVersion } from "./peers/version.ts";

/** What a reader of figures must know of the machine they come from. */
export interface Machine {
  readonly kernel: string;
  readonly cpus: number;
  readonly cpuModel: string;
  readonly memoryBytes: number;
  readonly cgroup: "v1" | "v2";
  /** Of the last minute, before the benchmark: above zero, something else ran too. */
  readonly loadBefore: number;
  /** By program; those that are not there are left out. */
  readonly versions: Readonly<Record<string, string>>;
}

/** Programs whose versions are told. */
const programs = ["crun", "conmon", "nft", "ip", "dockerd", "podman", "/usr/bin/python3"];

export async function describeMachine(): Promise<Machine> {
  const found = await Promise.all(
    // ip(8) knows only the short form.
    programs.map(
      async (name) => [name, await findVersion([name, name === "ip" ? "-V" : "--version"])] as const,
    ),
  );
  const versions = found.flatMap(([name, version]) => (version === null ? [] : [[name, version] as const]));
  return {
    kernel: release(),
    cpus: availableParallelism(),
    cpuModel: cpus()[0]?.model ?? "unknown",
    memoryBytes: totalmem(),
    cgroup: (await detectCgroups()).version,
    loadBefore: loadavg()[0] ?? 0,
    versions: Object.fromEntries([["node", process.versions.node], ...versions]),
  };
}

/** The same in one paragraph for a terminal. */
export function machineText(machine: Machine): string {
  const gib = Math.round(machine.memoryBytes / 2 ** 30);
  const versions = Object.entries(machine.versions).map((pair) => pair.join(" "));
  return [
    `Linux ${machine.kernel}, ${machine.cpus} CPUs (${machine.cpuModel}), ${gib} GiB, cgroup ${machine.cgroup}`,
    `${versions.join(", ")}; load before: ${machine.loadBefore.toFixed(1)}`,
  ].join("\n");
}
