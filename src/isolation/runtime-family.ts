/**
 * What differs from one family of runtimes to the next on the command line and on the disk. What they can do is no
 * matter of the family: see features.ts.
 */
export type RuntimeFamily = "crun" | "runc" | "runsc" | "other";

interface FamilyWays {
  /** Where it keeps what it knows of a container, below its state directory; the first is there as long as it knows any. */
  readonly stateFiles: (containerId: string) => readonly string[];
  /** What `start` is called by. */
  readonly startedBy: readonly string[];
}

/**
 * runsc before August 2024 takes its namespace for the host's where /proc/sys/net/core says what Linux says in every
 * namespace since 6.9, and refuses to give the container a network. So it looks at a /proc/sys/net without any.
 */
const WITHOUT_NET_SYSCTLS = [
  ...["unshare", "--mount", "--propagation", "private", "sh", "-c"],
  ...['mount -t tmpfs -o ro,size=4k tmpfs /proc/sys/net && exec "$0" "$@"'],
];

const ways: Readonly<Record<RuntimeFamily, FamilyWays>> = {
  crun: { stateFiles: (id) => [`${id}/status`, id], startedBy: [] },
  runc: { stateFiles: (id) => [`${id}/state.json`, id], startedBy: [] },
  runsc: {
    stateFiles: (id) => [`${id}_sandbox:${id}.state`, `${id}_sandbox:${id}.lock`],
    startedBy: WITHOUT_NET_SYSCTLS,
  },
  other: { stateFiles: (id) => [id], startedBy: [] },
};

export function waysOf(family: RuntimeFamily): FamilyWays {
  return ways[family];
}

/** By the first line of what `--version` says. */
export function familyOf(versionText: string): RuntimeFamily {
  const [word] = /^(crun|runc|runsc)(?=\s+version\b)/.exec(versionText.trim()) ?? [];
  return word === "crun" || word === "runc" || word === "runsc" ? word : "other";
}

/** The container that an entry of a state directory is about; null where it is about none. */
export function containerOf(entry: string): string | null {
  return /^([0-9a-z-]+)(_sandbox:.*)?$/.exec(entry)?.[1] ?? null;
}
