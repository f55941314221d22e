import { type Rule, withLinux, withProcess } from "../bundle.ts";
import { kernelFilesystemsRule } from "./kernel-filesystems.ts";
import { cgroupLimitsRule, rlimitsRule } from "./limits.ts";
import { masksRule } from "./masks.ts";
import { processRule } from "./process.ts";
import { seccompProfile, soundRules } from "./seccomp.ts";
import { extraMountsRule, templateRule } from "./template.ts";

/**
 * The sandbox in which templates are built: that of a proc, less what package managers cannot do without. Its root
 * is root over the tree that is being built, and nobody on the host.
 */

/** As many ids as a distribution has: all that the files of a root filesystem may belong to. */
export const BUILD_IDS = 65_536;

/** What unpacking files with their owners needs, and changing to another user as apt does. */
const CAPABILITIES = [
  "CAP_CHOWN",
  "CAP_DAC_OVERRIDE",
  "CAP_FOWNER",
  "CAP_FSETID",
  "CAP_KILL",
  "CAP_SETGID",
  "CAP_SETUID",
];

const idsRule: Rule = (config, { hostId }) => {
  const maps = [{ containerID: 0, hostID: hostId, size: BUILD_IDS }];
  return withLinux(config, { uidMappings: maps, gidMappings: maps });
};

const rootRule: Rule = (config) =>
  withProcess(config, {
    user: { uid: 0, gid: 0, umask: 0o022 },
    noNewPrivileges: true,
    capabilities: {
      bounding: CAPABILITIES,
      effective: CAPABILITIES,
      permitted: CAPABILITIES,
      inheritable: [],
      ambient: [],
    },
  });

/** Package managers wait for the disk after every file. What a crash tears apart here is thrown away whole. */
const SYNCS = ["fdatasync", "fsync", "msync", "sync", "sync_file_range", "syncfs"];

/** A proc's filter, but that a request to wait for the disk is answered without doing so. */
const seccompRule: Rule = (config, { host }) => {
  const { syscalls, ...profile } = seccompProfile(host.seccompArch);
  const others = syscalls.map((rule) => ({
    ...rule,
    names: rule.names.filter((name) => !SYNCS.includes(name)),
  }));
  const unsynced = { names: SYNCS, action: "SCMP_ACT_ERRNO", errnoRet: 0 };
  return withLinux(config, { seccomp: { ...profile, syscalls: soundRules([...others, unsynced]) } });
};

/** Without /sys: where the network is the host's, so would its /sys be. */
const filesystemsRule: Rule = (config, confinement) => {
  const added = kernelFilesystemsRule({ ...config, mounts: [] }, confinement);
  const kept = added.mounts.filter(({ destination }) => !/^\/sys(\/|$)/.test(destination));
  return { ...added, mounts: [...config.mounts, ...kept] };
};

function namespacesRule(network: "host" | "none"): Rule {
  const types = ["pid", "ipc", "uts", "mount", "user", "cgroup", ...(network === "none" ? ["network"] : [])];
  return (config) => withLinux(config, { namespaces: types.map((type) => ({ type })) });
}

export function buildRules({
  network,
  writableRoot,
}: {
  readonly network: "host" | "none";
  readonly writableRoot: boolean;
}): readonly Rule[] {
  return [
    (config) => ({ ...config, root: { ...config.root, readonly: !writableRoot } }),
    idsRule,
    namespacesRule(network),
    rootRule,
    seccompRule,
    masksRule,
    cgroupLimitsRule,
    rlimitsRule,
    filesystemsRule,
    templateRule,
    processRule,
    extraMountsRule,
  ];
}
