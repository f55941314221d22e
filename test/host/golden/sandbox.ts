import { existsSync } from "node:fs";

/** What a proc finds of its sandbox, as test/programs/probe.py tells it. */

const ordinary = Array(4).fill("1000");
const none = ["0000000000000000"];

export const status = {
  Uid: ordinary,
  Gid: ordinary,
  Groups: [],
  ...{ CapInh: none, CapPrm: none, CapEff: none, CapBnd: none, CapAmb: none },
  NoNewPrivs: ["1"],
  Seccomp: ["2"],
  Umask: ["0022"],
};

/** Those that the sandbox sets; of open files the default of a proc. */
export const limits = {
  RLIMIT_NOFILE: [4096, 4096],
  RLIMIT_CORE: [1, 1],
  RLIMIT_MEMLOCK: [65536, 65536],
  RLIMIT_MSGQUEUE: [0, 0],
  RLIMIT_SIGPENDING: [1024, 1024],
};

/** Its score, and what comes of trying to be the last or the first to be killed. */
export const oomScoreAdj = { is: 500, spared: "EACCES", first: "ok" };

export const clones = {
  ...{ mount: "ENOSYS", cgroup: "ENOSYS", uts: "ENOSYS", ipc: "ENOSYS", user: "ENOSYS", pid: "ENOSYS" },
  ...{ network: "ENOSYS", "user and mount": "ENOSYS" },
};

export const enters = {
  ...{ "unshare mount": "EPERM", "unshare cgroup": "EPERM", "unshare uts": "EPERM", "unshare ipc": "EPERM" },
  ...{ "unshare user": "EPERM", "unshare pid": "EPERM", "unshare network": "EPERM" },
  ...{ "setns uts": "EPERM", "setns user": "EPERM", "setns mnt": "EPERM" },
};

/** Unix, inet, inet6, netlink: all other numbers answer as by a kernel that does not know them. */
export const families = { "1": "ok", "2": "ok", "10": "ok", "16": "ok" };

export const personalities = {
  ...{ linux: "ok", linux32: "ok", "no-random": "ENOSYS", "read-implies-exec": "ENOSYS", svr4: "ENOSYS" },
};

/** Only x86 has doors of other architectures. */
export const foreignCalls = process.arch === "x64" ? { int80: "SIGSYS", x32: "SIGSYS" } : {};

/** Mount points with their types, where Sharku chooses them, and those flags that hold something back. */
export const mounts = {
  "/": "ro",
  "/app": "overlay nosuid nodev",
  "/dev": "tmpfs nosuid noexec",
  "/dev/pts": "devpts nosuid noexec",
  "/dev/shm": "tmpfs nosuid nodev noexec",
  "/etc": "overlay ro nosuid nodev",
  "/etc/hosts": "ro nosuid nodev",
  "/etc/resolv.conf": "ro nosuid nodev",
  "/proc": "proc nosuid nodev noexec",
  "/run": "tmpfs nosuid nodev noexec",
  "/run/init": "ro nosuid nodev",
  "/run/sharku": "tmpfs nosuid nodev noexec",
  "/run/sharku/image": "ro nosuid nodev",
  "/run/template": "tmpfs nosuid nodev noexec",
  "/run/template/.nothing": "tmpfs nosuid nodev noexec",
  "/run/template/etc": "ro nosuid nodev",
  "/run/template/usr": "ro nosuid nodev",
  "/sys": "sysfs ro nosuid nodev noexec",
  "/tmp": "tmpfs nosuid nodev",
  "/usr": "overlay ro nosuid nodev",
};

/** The host's own, bound: they belong to nobody inside. */
export const devices = {
  core: "-> /proc/kcore",
  fd: "-> /proc/self/fd",
  full: "c 1:7 666 65534:65534",
  null: "c 1:3 666 65534:65534",
  ptmx: "-> pts/ptmx",
  pts: "d 755 0:0",
  random: "c 1:8 666 65534:65534",
  shm: "d 1777 0:0",
  stderr: "-> /proc/self/fd/2",
  stdin: "-> /proc/self/fd/0",
  stdout: "-> /proc/self/fd/1",
  tty: "c 5:0 666 65534:65534",
  urandom: "c 1:9 666 65534:65534",
  zero: "c 1:5 666 65534:65534",
};

/** What it can open for writing outside /app, /tmp and /dev/shm. */
export const writable = ["full", "null", "pts/ptmx", "random", "urandom", "zero"].map(
  (name) => `/dev/${name}`,
);

/** Where a program that it has put there itself runs. */
export const executes = {
  "/app": "ok",
  "/tmp": "ok",
  "/dev/shm": "EACCES",
  "/run": "EACCES",
  "/dev": "EACCES",
};

/** Files of which it sees the null device instead, where the kernel has them. */
export const maskedFiles = [
  ...["bootconfig", "buddyinfo", "cmdline", "config.gz", "diskstats", "interrupts", "iomem", "ioports"],
  ...["kallsyms", "kcore", "key-users", "keys", "kpagecgroup", "kpagecount", "kpageflags", "latency_stats"],
  ...[
    "mdstat",
    "modules",
    "pagetypeinfo",
    "partitions",
    "sched_debug",
    "slabinfo",
    "timer_list",
    "timer_stats",
  ],
  ...["vmallocinfo", "zoneinfo"],
].map((name) => `/proc/${name}`);

/** Directories in which it finds nothing, where the kernel has them. */
export const maskedDirectories = [
  ...["/proc/acpi", "/proc/asound", "/proc/driver", "/proc/scsi", "/sys/block", "/sys/dev/block"],
  ...["/sys/devices/virtual/dmi", "/sys/devices/virtual/powercap", "/sys/devices/virtual/thermal"],
  ...["/sys/firmware", "/sys/fs/bpf", "/sys/fs/selinux", "/sys/hypervisor", "/sys/kernel", "/sys/module"],
  "/sys/power",
];

/** A tmpfs that everybody may write to is the app's own where the runtime cannot give it that mode (runc 1.1). */
const withoutTmpfsModes = { shm: "d 1777 1000:1000" };

/** runc makes a link to what is masked only where the kernel has it. */
const { core, ...withoutCore } = devices;
const ofRunc = existsSync("/proc/kcore") ? { core, ...withoutCore } : withoutCore;

/** Where it differs on purpose, by runtime; gVisor, with a kernel of its own, has a table of its own. */
export const differences: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  crun: {},
  runc: { devices: { ...ofRunc, ...withoutTmpfsModes } },
};

/** What no control can show, and why: the kernel itself, or every runtime, sees to it whatever the bundle says. */
export const withoutControl = {
  environment:
    "a process has what it is given; the daemon is given a secret and an open file to leak, and leaks neither",
  fds: "as environment: both runtimes close what they were left, whatever the bundle says",
  killInit: "the kernel lets no process kill the init of its own namespace, also as root",
  oomScoreAdj: "to spare itself a process needs CAP_SYS_RESOURCE on the host, which not even every root has",
  "mount namespace": "without one the runtimes refuse to start: they would mount on the host",
};
