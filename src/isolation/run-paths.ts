import { join } from "node:path";

/**
 * Where everything of a run lies: each name is a function of the run's id, so that whoever knows the id can
 * give everything back.
 */
export interface IsolationDirs {
  /** Survives a reboot: what the app writes, and how its runs ended. */
  readonly stateDir: string;
  /** Gone after a reboot, as the containers are. */
  readonly runDir: string;
}

export interface RunPaths {
  readonly bundleDir: string;
  readonly configFile: string;
  readonly hostsFile: string;
  readonly resolvFile: string;
  readonly pidFile: string;
  readonly conmonPidFile: string;
  /** The app's pid on the host, for when the kernel names whom it has killed. */
  readonly mainPidFile: string;
  /** Says which runtime made the run. */
  readonly runtimeFile: string;
  readonly scratchDir: string;
  /** The root of a container whose runtime cannot take the template's. */
  readonly rootDir: string;
  readonly exitFile: string;
}

export function bundlesDir(dirs: IsolationDirs): string {
  return join(dirs.runDir, "bundles");
}

export function scratchesDir(dirs: IsolationDirs): string {
  return join(dirs.stateDir, "scratch");
}

export function exitsDir(dirs: IsolationDirs): string {
  return join(dirs.stateDir, "exits");
}

/** The state of crun. */
export function runtimeDir(dirs: IsolationDirs): string {
  return join(dirs.runDir, "runtime");
}

/** The states of the other runtimes, each in a directory of its name. */
export function runtimesDir(dirs: IsolationDirs): string {
  return join(dirs.runDir, "runtimes");
}

/** The disks behind the writable part of each /app. */
export function disksDir(dirs: IsolationDirs): string {
  return join(dirs.stateDir, "disks");
}

/** Stands in for the image where a proc has none. */
export function emptyDir(dirs: IsolationDirs): string {
  return join(dirs.stateDir, "empty");
}

export function runPaths(dirs: IsolationDirs, runId: string): RunPaths {
  const bundleDir = join(bundlesDir(dirs), runId);
  const scratchDir = join(scratchesDir(dirs), runId);
  return {
    bundleDir,
    configFile: join(bundleDir, "config.json"),
    // Not beside the bundle: it is on a tmpfs, whose files cannot be bound with mapped owners before Linux 6.3.
    hostsFile: join(scratchDir, "hosts"),
    resolvFile: join(scratchDir, "resolv.conf"),
    pidFile: join(bundleDir, "pid"),
    conmonPidFile: join(bundleDir, "conmon.pid"),
    mainPidFile: join(bundleDir, "main.pid"),
    runtimeFile: join(bundleDir, "runtime"),
    scratchDir,
    rootDir: join(scratchDir, "root"),
    exitFile: join(exitsDir(dirs), runId),
  };
}
