import { CommandError, runCommand, tryCommand } from "../lib/run-command.ts";

/** Deadlines of the OCI runtime's commands, in milliseconds: past them it hangs, and is killed. */
const CALL_MS_MAX = 30_000;

/** What the runtime says of a container. */
export type ContainerStatus =
  | { status: "created" | "running" | "stopped"; pid: number }
  | { status: "absent" };

/**
 * The OCI runtime by its command line, which crun and runc share. Argv in, typed result out; it knows nothing of
 * runs.
 */
export class Runtime {
  readonly program: string;
  readonly #root: string;

  /** `root` is the directory of the runtime's own state. */
  constructor(program: string, root: string) {
    this.program = program;
    this.#root = root;
  }

  /** Arguments that every call begins with; the supervisor passes them on. */
  get globalArguments(): readonly string[] {
    return [`--root=${this.#root}`];
  }

  /** Errors: CommandError with the runtime's words. */
  async start(containerId: string): Promise<void> {
    await runCommand(this.#call("start", containerId), { timeoutMs: CALL_MS_MAX });
  }

  /** Signals the container's first process. Does nothing where it is gone. */
  async signal(containerId: string, signal: NodeJS.Signals): Promise<void> {
    const result = await tryCommand(this.#call("kill", containerId, signal), { timeoutMs: CALL_MS_MAX });
    if (result.code === 0) return;
    const status = await this.state(containerId);
    if (status.status === "running" || status.status === "created") {
      throw new CommandError(`Cannot signal container "${containerId}": ${result.stderr.trim()}`, result);
    }
  }

  async state(containerId: string): Promise<ContainerStatus> {
    const result = await tryCommand(this.#call("state", containerId), { timeoutMs: CALL_MS_MAX });
    return result.code === 0 ? parseState(result.stdout) : { status: "absent" };
  }

  /** Kills and forgets the container, whatever state it is in. Does nothing where there is none. */
  async delete(containerId: string): Promise<void> {
    await tryCommand(this.#call("delete", "--force", containerId), { timeoutMs: CALL_MS_MAX });
  }

  async version(): Promise<string> {
    const { stdout } = await runCommand([this.program, "--version"], { timeoutMs: CALL_MS_MAX });
    return /version\s+(\S+)/.exec(stdout)?.[1] ?? "unknown";
  }

  /** The command line that runs a container in the foreground, its stdio being the caller's. */
  runArgv(containerId: string, bundleDir: string): string[] {
    return this.#call("run", "--bundle", bundleDir, containerId);
  }

  #call(verb: string, ...rest: string[]): string[] {
    return [this.program, ...this.globalArguments, verb, ...rest];
  }
}

function parseState(text: string): ContainerStatus {
  const parsed: unknown = JSON.parse(text);
  if (typeof parsed !== "object" || parsed === null) return { status: "absent" };
  const status = "status" in parsed ? parsed.status : undefined;
  const pid = "pid" in parsed && typeof parsed.pid === "number" ? parsed.pid : 0;
  if (status === "created" || status === "running" || status === "stopped") return { status, pid };
  // crun says "paused" and "creating" too: both mean that processes exist.
  return typeof status === "string" ? { status: "running", pid } : { status: "absent" };
}
