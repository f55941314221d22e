import type { Limits } from "../contract/proc.ts";
import type { TemplateFiles } from "../procs/needs.ts";
import type { RuntimeFeatures } from "./features.ts";
import type { OciConfig, OciLinux, OciMount, OciProcess } from "./oci.ts";

/**
 * A bundle is a value: rules take one and return another, none is ever changed. What the rules are told is
 * `Confinement`, all that differs from one container to the next and from one host to the next.
 */
export interface Confinement {
  readonly containerId: string;
  readonly hostname: string;
  /** The app's program and arguments; PID 1 is the init before it. */
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string;
  readonly limits: Limits;
  readonly template: TemplateFiles;
  /** Host uid and gid of the container's root; the app's are the next number. */
  readonly hostId: number;
  readonly cgroupsPath: string;
  /** What is mounted at /app, or elsewhere, on top of the template. */
  readonly extraMounts: readonly OciMount[];
  readonly host: HostFacts;
}

/** What the rules must know of the machine. */
export interface HostFacts {
  /** The daemon's own hard limits, by the name in the specification: none can be raised above its own. */
  readonly rlimitHard: Readonly<Record<string, number>>;
  /** Whether swap can be limited; where it cannot, naming it would fail the start. */
  readonly swapAccounting: boolean;
  /** Path of the static init program. */
  readonly initPath: string;
  /** As the seccomp section names it: SCMP_ARCH_X86_64, SCMP_ARCH_AARCH64. */
  readonly seccompArch: string;
  /** The compiled filter, in base64; null where it could not be compiled here, and the runtime does it each time. */
  readonly seccompFilter: string | null;
  /** Whether this host lets containers have user namespaces of their own. */
  readonly userNamespaces: boolean;
  /** What the runtime can do that this container is for. */
  readonly features: RuntimeFeatures;
}

export type Rule = (config: OciConfig, confinement: Confinement) => OciConfig;

/** The container before any rule: nothing may be done in it. */
export function emptyBundle(confinement: Confinement): OciConfig {
  return {
    ociVersion: "1.0.2",
    hostname: confinement.hostname,
    root: { path: confinement.template.skeletonDir, readonly: true },
    process: {
      user: { uid: 1000, gid: 1000, umask: 0o022 },
      args: [],
      env: [],
      cwd: "/",
      noNewPrivileges: true,
      capabilities: {},
      rlimits: [],
      oomScoreAdj: 0,
    },
    mounts: [],
    linux: {
      rootfsPropagation: "rprivate",
      namespaces: [],
      uidMappings: [],
      gidMappings: [],
      cgroupsPath: confinement.cgroupsPath,
      resources: { devices: [{ allow: false, access: "rwm" }] },
      maskedPaths: [],
      readonlyPaths: [],
    },
  };
}

export function buildBundle(confinement: Confinement, rules: readonly Rule[]): OciConfig {
  return rules.reduce((config, rule) => rule(config, confinement), emptyBundle(confinement));
}

export function withProcess(config: OciConfig, changes: Partial<OciProcess>): OciConfig {
  return { ...config, process: { ...config.process, ...changes } };
}

export function withLinux(config: OciConfig, changes: Partial<OciLinux>): OciConfig {
  return { ...config, linux: { ...config.linux, ...changes } };
}

export function withMounts(config: OciConfig, mounts: readonly OciMount[]): OciConfig {
  return { ...config, mounts: [...config.mounts, ...mounts] };
}

/** Where the first process of a container lies. */
export const INIT = "/run/init";

/** Where files are bound; everywhere else it is a directory. */
export const boundFiles: ReadonlySet<string> = new Set([INIT, "/etc/hosts", "/etc/resolv.conf"]);

/**
 * A read-only view of something on the host, owned inside as it is outside. Private, since a mapped bind is made
 * in the host's mount namespace: where that one shares its mounts, as under systemd, what is mounted on top of
 * the bind inside would come to be on the host too, and stay.
 */
export function readOnlyBind(source: string, destination: string): OciMount {
  return {
    destination,
    source,
    type: "bind",
    options: ["bind", "idmap", "ro", "nosuid", "nodev", "private"],
  };
}
