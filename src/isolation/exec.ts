import type { OciProcess } from "./oci.ts";

/** What somebody wants to run beside the app, in the same container. */
export interface ExecWish {
  readonly argv: readonly string[];
  /** Besides the app's environment, or instead of a value in it. */
  readonly env?: Readonly<Record<string, string>>;
  /** Absolute path; the app's own unless named. */
  readonly cwd?: string;
}

/**
 * The process file of another process in the container of `process`, as confined as the app in every respect.
 * A runtime takes nothing from the container that the file leaves out: `crun exec ID COMMAND` runs as the
 * container's root, may gain privileges, and has the daemon's limits. So the file is complete, and is made from
 * the very one that the app was started with.
 */
export function execProcess(
  process: OciProcess,
  { argv, env = {}, cwd = process.cwd }: ExecWish,
): OciProcess {
  const kept = process.env.filter((pair) => !Object.hasOwn(env, pair.slice(0, pair.indexOf("="))));
  const added = Object.entries(env).map(([name, value]) => `${name}=${value}`);
  // No init before it: what it leaves behind goes to that of the container.
  return { ...process, args: [...argv], env: [...kept, ...added], cwd };
}

/**
 * The command line that runs the process of such a file. crun leaves out the score by which the kernel picks whom
 * to end when memory is short; so it is set before, and inherited.
 */
export function execCommand(
  runtimeArgv: readonly string[],
  { process, processFile, containerId }: { process: OciProcess; processFile: string; containerId: string },
): string[] {
  const scored = ["choom", "-n", String(process.oomScoreAdj), "--"];
  return [...scored, ...runtimeArgv, "exec", "--process", processFile, containerId];
}
