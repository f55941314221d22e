import { type HostFacts, type Rule, withLinux, withProcess } from "../bundle.ts";
import type { OciRlimit } from "../oci.ts";

const CPU_SHARES = 256;
export const CPU_PERIOD_US = 100_000;
/** The kernel takes no smaller quota. */
const CPU_QUOTA_US_MIN = 1000;

/** What the cgroup bounds: memory without swap, processes, and CPU by share and, where asked, by quota. */
export const cgroupLimitsRule: Rule = (config, { limits, host }) =>
  withLinux(config, {
    resources: {
      ...config.linux.resources,
      memory: {
        limit: limits.memoryBytes,
        ...(host.swapAccounting ? { swap: limits.memoryBytes } : {}),
      },
      pids: { limit: limits.pids },
      cpu: {
        shares: CPU_SHARES,
        ...(limits.cpus === null ? {} : { quota: cpuQuotaUs(limits.cpus), period: CPU_PERIOD_US }),
      },
    },
  });

/** How much of each period so many CPUs are, in microseconds. */
export function cpuQuotaUs(cpus: number): number {
  return Math.max(CPU_QUOTA_US_MIN, Math.round(cpus * CPU_PERIOD_US));
}

/**
 * What the kernel bounds by process. A core size of 1 rather than 0: with 0 a core_pattern that names a program
 * is still started, as the host's root; with 1 neither a program nor a file comes of it (core(5)).
 */
export const rlimitsRule: Rule = (config, { limits, host }) =>
  withProcess(config, {
    rlimits: [
      clamped(host, "RLIMIT_NOFILE", limits.openFiles),
      clamped(host, "RLIMIT_CORE", 1),
      clamped(host, "RLIMIT_MEMLOCK", 65536),
      clamped(host, "RLIMIT_MSGQUEUE", 0),
      clamped(host, "RLIMIT_SIGPENDING", 1024),
    ],
  });

/** Raising a hard limit fails the whole start where the daemon lacks CAP_SYS_RESOURCE, so none is raised. */
function clamped(host: HostFacts, type: string, wanted: number): OciRlimit {
  const value = Math.min(wanted, host.rlimitHard[type] ?? Number.MAX_SAFE_INTEGER);
  return { type, soft: value, hard: value };
}
