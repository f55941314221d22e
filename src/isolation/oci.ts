/**
 * The part of the OCI runtime specification that we write: https://github.com/opencontainers/runtime-spec,
 * config.md and config-linux.md. Field names are the specification's.
 */
export interface OciMount {
  readonly destination: string;
  readonly type: string;
  readonly source: string;
  readonly options: readonly string[];
}

export interface OciIdMap {
  readonly containerID: number;
  readonly hostID: number;
  readonly size: number;
}

export interface OciRlimit {
  readonly type: string;
  readonly soft: number;
  readonly hard: number;
}

export interface OciSyscallRule {
  readonly names: readonly string[];
  readonly action: string;
  readonly errnoRet?: number;
  readonly args?: readonly {
    readonly index: number;
    readonly value: number;
    readonly valueTwo?: number;
    readonly op: string;
  }[];
}

export interface OciSeccomp {
  readonly defaultAction: string;
  readonly defaultErrnoRet: number;
  readonly architectures: readonly string[];
  readonly syscalls: readonly OciSyscallRule[];
}

export interface OciProcess {
  readonly user: { readonly uid: number; readonly gid: number; readonly umask: number };
  readonly args: readonly string[];
  readonly env: readonly string[];
  readonly cwd: string;
  readonly noNewPrivileges: boolean;
  readonly capabilities: Readonly<Record<string, readonly string[]>>;
  readonly rlimits: readonly OciRlimit[];
  readonly oomScoreAdj: number;
}

export interface OciResources {
  readonly devices: readonly { readonly allow: boolean; readonly access: string }[];
  readonly memory?: { readonly limit: number; readonly swap?: number };
  readonly pids?: { readonly limit: number };
  readonly cpu?: { readonly shares: number; readonly quota?: number; readonly period?: number };
}

export interface OciLinux {
  readonly rootfsPropagation: string;
  readonly namespaces: readonly { readonly type: string }[];
  readonly uidMappings: readonly OciIdMap[];
  readonly gidMappings: readonly OciIdMap[];
  readonly cgroupsPath: string;
  readonly resources: OciResources;
  readonly maskedPaths: readonly string[];
  readonly readonlyPaths: readonly string[];
  readonly seccomp?: OciSeccomp;
}

export interface OciConfig {
  readonly ociVersion: string;
  readonly hostname: string;
  readonly root: { readonly path: string; readonly readonly: boolean };
  readonly process: OciProcess;
  readonly mounts: readonly OciMount[];
  readonly linux: OciLinux;
  readonly annotations?: Readonly<Record<string, string>>;
}
