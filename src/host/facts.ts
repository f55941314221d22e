/** What is so on a host, as it was read, without a judgement. The checks judge it; tests write it by hand. */
export interface HostFacts {
  readonly uid: number;
  readonly nodeVersion: string;
  /** As `uname -r` tells it. */
  readonly kernel: string;
  readonly packageManager: PackageManager | null;
  readonly tools: Readonly<Record<ToolName, ToolFacts | null>>;
  readonly cgroups: CgroupFacts;
  readonly filesystems: readonly string[];
  /** Whether the kernel loads the module of overlayfs by itself at the first mount. */
  readonly overlayLoads: boolean;
  /** null where the kernel has no such file. */
  readonly userNamespacesMax: number | null;
  readonly seccompActions: string | null;
  readonly network: NetworkFacts;
  /** Making a small disk image and mounting it, in a throwaway namespace; null where it could not be tried. */
  readonly diskTrial: { readonly works: boolean; readonly output: string } | null;
  readonly stateDir: PlaceFacts;
  readonly usr: { readonly filesystem: string };
  /** Interpreters that apps expect in the built-in template, which shows the host's /usr. */
  readonly interpreters: readonly InterpreterFacts[];
}

export const packageManagers = ["apt-get", "dnf", "pacman", "apk", "zypper"] as const;
export type PackageManager = (typeof packageManagers)[number];

export const toolNames = [
  "crun",
  "runc",
  "runsc",
  "conmon",
  "catatonit",
  "ip",
  "nft",
  "nsenter",
  "tar",
  "gzip",
  "zstd",
  "xz",
  "debootstrap",
  "mke2fs",
  "bsdtar",
  "git",
] as const;
export type ToolName = (typeof toolNames)[number];

export interface ToolFacts {
  readonly path: string;
  /** The first line of what `--version` says; empty where it was not asked. */
  readonly version: string;
}

export interface CgroupFacts {
  readonly mounts: readonly CgroupMount[];
  /** The controllers at hand in the v2 hierarchy, null where none is mounted. */
  readonly v2Controllers: readonly string[] | null;
  /** The controllers that may be mounted as v1, and the hierarchy each is bound to; 0 for none or v2. */
  readonly kernelControllers: readonly { readonly name: string; readonly hierarchy: number }[];
}

export interface CgroupMount {
  readonly path: string;
  readonly type: "cgroup" | "cgroup2";
  readonly readOnly: boolean;
  /** The controllers of a v1 hierarchy. */
  readonly controllers: readonly string[];
}

export interface NetworkFacts {
  /** `nft -j list chains`; null where only root could ask. */
  readonly nft: { readonly works: boolean; readonly output: string } | null;
  /** Making a bridge and a veth pair in a throwaway namespace; null where only root could try. */
  readonly linkTrial: { readonly works: boolean; readonly output: string } | null;
  readonly ipForward: boolean;
  readonly ephemeralPorts: readonly [first: number, last: number];
  readonly reservedPorts: string;
  readonly portRange: readonly [first: number, last: number];
}

export interface PlaceFacts {
  readonly path: string;
  /** Each directory above it that exists, from the root on, with its mode's permission bits. */
  readonly parents: readonly { readonly path: string; readonly mode: number }[];
  readonly filesystem: string;
  readonly freeBytes: number;
}

export interface InterpreterFacts {
  readonly name: "node" | "python3";
  /** What it is by, seen from within a proc; null where /usr has none. */
  readonly inTemplate: string | null;
  /** What the host's own PATH finds, its links resolved. */
  readonly onPath: string | null;
}
