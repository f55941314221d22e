import { readFileSync } from "node:fs";
import type { OciConfig, OciMount } from "../../src/isolation/oci.ts";

/** The sandbox's protections by name, and how each is taken away from a bundle. For controls only. */

type Change = (config: OciConfig) => OciConfig;

/** linux/capability.h, in its order. */
const capabilities = [
  ...["CHOWN", "DAC_OVERRIDE", "DAC_READ_SEARCH", "FOWNER", "FSETID", "KILL", "SETGID", "SETUID", "SETPCAP"],
  ...[
    "LINUX_IMMUTABLE",
    "NET_BIND_SERVICE",
    "NET_BROADCAST",
    "NET_ADMIN",
    "NET_RAW",
    "IPC_LOCK",
    "IPC_OWNER",
  ],
  ...[
    "SYS_MODULE",
    "SYS_RAWIO",
    "SYS_CHROOT",
    "SYS_PTRACE",
    "SYS_PACCT",
    "SYS_ADMIN",
    "SYS_BOOT",
    "SYS_NICE",
  ],
  ...[
    "SYS_RESOURCE",
    "SYS_TIME",
    "SYS_TTY_CONFIG",
    "MKNOD",
    "LEASE",
    "AUDIT_WRITE",
    "AUDIT_CONTROL",
    "SETFCAP",
  ],
  ...["MAC_OVERRIDE", "MAC_ADMIN", "SYSLOG", "WAKE_ALARM", "BLOCK_SUSPEND", "AUDIT_READ", "PERFMON", "BPF"],
  "CHECKPOINT_RESTORE",
];

const mountFlags = ["ro", "rro", "nosuid", "nodev", "noexec"];

export const takenAway = {
  seccomp: (config) => {
    const { seccomp: _, ...linux } = config.linux;
    // Where the filter is compiled, it is in an annotation.
    const { annotations: _compiled, ...rest } = config;
    return { ...rest, linux };
  },
  privileges: (config) =>
    withProcess(config, { noNewPrivileges: false, capabilities: everyCapability(config) }),
  "ordinary user": (config) => withProcess(config, { user: { ...config.process.user, uid: 0, gid: 0 } }),
  // Without a user namespace a bind cannot map owners.
  "user namespace": (config) => ({
    ...withoutNamespace("user")(config),
    mounts: config.mounts.map((mount) => withoutOptions(mount, ["idmap"])),
  }),
  masks: (config) => withLinux(config, { maskedPaths: [] }),
  "read-only paths": (config) => withLinux(config, { readonlyPaths: [] }),
  "read-only root": (config) => ({ ...config, root: { ...config.root, readonly: false } }),
  "mount flags": (config) => ({
    ...config,
    mounts: config.mounts.map((mount) => withoutOptions(mount, mountFlags)),
  }),
  rlimits: (config) => withProcess(config, { rlimits: [] }),
  "OOM score": (config) => withProcess(config, { oomScoreAdj: 0 }),
  "device cgroup": (config) => withResources(config, { devices: [{ allow: true, access: "rwm" }] }),
  "cgroup limits": (config) => withLinux(config, { resources: { devices: config.linux.resources.devices } }),
  // The kernel mounts no /proc of a pid namespace that is not its own, so the host's is bound there instead; and
  // nothing on top of it, since that would come to be on the host too where mounts are shared, as under systemd.
  "pid namespace": (config) => ({
    ...withLinux(withoutNamespace("pid")(config), { maskedPaths: [], readonlyPaths: [] }),
    mounts: config.mounts.map((mount) => (mount.destination === "/proc" ? hostProc : mount)),
  }),
  "network namespace": withoutNamespace("network"),
  "ipc namespace": withoutNamespace("ipc"),
  "uts namespace": (config) => {
    const { hostname: _, ...rest } = withoutNamespace("uts")(config);
    // Where there is no namespace of its own, the runtime refuses to set a name; the type knows no such bundle.
    return rest as OciConfig;
  },
  "cgroup namespace": withoutNamespace("cgroup"),
} as const satisfies Record<string, Change>;

export type Protection = keyof typeof takenAway;

const hostProc: OciMount = {
  destination: "/proc",
  type: "bind",
  source: "/proc",
  options: ["rbind", "rslave"],
};

export function without(protections: readonly Protection[]): Change {
  return (config) => protections.reduce((left, name) => takenAway[name](left), config);
}

function withoutNamespace(type: string): Change {
  return (config) => {
    const namespaces = config.linux.namespaces.filter((one) => one.type !== type);
    const maps = type === "user" ? { uidMappings: [], gidMappings: [] } : {};
    return withLinux(config, { namespaces, ...maps });
  };
}

/** In a user namespace of its own every capability there is; on the host only those that we have ourselves. */
function everyCapability(config: OciConfig): Record<string, readonly string[]> {
  const own = BigInt(`0x${/^CapEff:\t(\w+)$/m.exec(readFileSync("/proc/self/status", "utf8"))?.[1] ?? "0"}`);
  const names = capabilities.filter((_, bit) => (own >> BigInt(bit)) & 1n).map((name) => `CAP_${name}`);
  return Object.fromEntries(Object.keys(config.process.capabilities).map((set) => [set, names]));
}

function withProcess(config: OciConfig, changes: Partial<OciConfig["process"]>): OciConfig {
  return { ...config, process: { ...config.process, ...changes } };
}

function withLinux(config: OciConfig, changes: Partial<OciConfig["linux"]>): OciConfig {
  return { ...config, linux: { ...config.linux, ...changes } };
}

function withResources(config: OciConfig, changes: Partial<OciConfig["linux"]["resources"]>): OciConfig {
  return withLinux(config, { resources: { ...config.linux.resources, ...changes } });
}

function withoutOptions(mount: OciMount, gone: readonly string[]): OciMount {
  return { ...mount, options: mount.options.filter((option) => !gone.includes(option)) };
}
