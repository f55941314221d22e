import { type Rule, withLinux } from "../bundle.ts";

/** What /proc and /sys tell about the host beyond what a program needs. Paths that do not exist are skipped. */
const masked = [
  ...[
    "acpi asound bootconfig buddyinfo cmdline config.gz diskstats driver interrupts iomem ioports kallsyms kcore",
    "key-users keys kpagecgroup kpagecount kpageflags latency_stats mdstat modules pagetypeinfo partitions",
    "sched_debug scsi slabinfo timer_list timer_stats vmallocinfo zoneinfo",
  ].flatMap((line) => line.split(" ").map((name) => `/proc/${name}`)),
  "/sys/block",
  "/sys/dev/block",
  "/sys/devices/virtual/dmi",
  "/sys/devices/virtual/powercap",
  "/sys/devices/virtual/thermal",
  "/sys/firmware",
  "/sys/fs/bpf",
  "/sys/fs/selinux",
  "/sys/hypervisor",
  "/sys/kernel",
  "/sys/module",
  "/sys/power",
];

/** /sys/fs/cgroup is here because on cgroup v1 runc leaves the tmpfs under the hierarchies writable. */
const readOnly = [
  "/proc/bus",
  "/proc/fs",
  "/proc/irq",
  "/proc/pressure",
  "/proc/sys",
  "/proc/sysrq-trigger",
  "/sys/fs/cgroup",
];

export const masksRule: Rule = (config) =>
  withLinux(config, { maskedPaths: masked, readonlyPaths: readOnly });
