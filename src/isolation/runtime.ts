import { access } from "node:fs/promises";
import { join } from "node:path";
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

  /**
   * Absent only where the runtime keeps nothing of it: a runtime that fails for another reason, for want of memory
   * say, has not said that the container is gone. Errors: CommandError with its words then.
   */
  async state(containerId: string): Promise<ContainerStatus> {
    const result = await tryCommand(this.#call("state", containerId), { timeoutMs: CALL_MS_MAX });
    if (result.code === 0) return parseState(result.stdout);
    // crun calls the file status, runc state.json.
    const kept = await Promise.all(
      ["status", "state.json"].map((name) => exists(join(this.#root, containerId, name))),
    );
    if (!kept.includes(true)) return { status: "absent" };
    throw new CommandError(
      `Cannot tell the state of container "${containerId}": ${result.stderr.trim()}`,
      result,
    );
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

function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
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
