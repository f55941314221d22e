import { access } from "node:fs/promises";
import { join } from "node:path";
import { CommandError, type CommandOptions, runCommand, tryCommand } from "../lib/run-command.ts";
import { removeTree } from "./remove-tree.ts";
import { familyOf, type RuntimeFamily, waysOf } from "./runtime-family.ts";

/** How long one call of a runtime may take unless the operator says otherwise, in milliseconds. */
export const RUNTIME_MS_MAX = 30_000;

/** Of what a runtime says of itself, this much is passed on. */
const VERSION_CHARS_MAX = 200;

/** What the runtime says of a container. */
export type ContainerStatus =
  | { status: "created" | "running" | "stopped"; pid: number }
  | { status: "absent" };

export interface RuntimeVersion {
  readonly family: RuntimeFamily;
  readonly version: string;
  /** The first line of what it says of itself. */
  readonly text: string;
}

/**
 * An OCI runtime by its command line, which crun, runc and runsc share but for a few words. Argv in, typed result out;
 * it knows nothing of runs. No call takes longer than `timeoutMs`: past that the runtime hangs, and is killed.
 */
export class Runtime {
  readonly program: string;
  readonly timeoutMs: number;
  readonly #root: string;
  #version: Promise<RuntimeVersion> | null = null;
  #lastFamily: RuntimeFamily = "other";

  /** `root` is the directory of the runtime's own state. */
  constructor(program: string, root: string, { timeoutMs = RUNTIME_MS_MAX }: { timeoutMs?: number } = {}) {
    this.program = program;
    this.timeoutMs = timeoutMs;
    this.#root = root;
  }

  /** Arguments that every call begins with; the supervisor passes them on. */
  get globalArguments(): readonly string[] {
    return [`--root=${this.#root}`];
  }

  /** What a run's note says of the runtime that made it; it may be gone by now. */
  wasOf(family: string): void {
    this.#lastFamily = familyOf(`${family} version`);
  }

  get root(): string {
    return this.#root;
  }

  /** Errors: CommandError with the runtime's words. */
  async start(containerId: string): Promise<void> {
    const { startedBy } = waysOf(await this.family());
    await runCommand([...startedBy, ...this.#call("start", containerId)], this.#bounds);
  }

  /** Signals the container's first process. Does nothing where it is gone. Errors: CommandError. */
  async signal(containerId: string, signal: NodeJS.Signals): Promise<void> {
    const result = await tryCommand(this.#call("kill", containerId, signal), this.#bounds);
    if (result.code === 0) return;
    const status = await this.state(containerId);
    if (status.status === "running" || status.status === "created") {
      throw new CommandError(`Cannot signal container "${containerId}": ${result.stderr.trim()}`, result);
    }
  }

  /** Signals every process of the container, by a runtime that alone can see them. Errors: CommandError. */
  async signalAll(containerId: string, signal: NodeJS.Signals): Promise<void> {
    await runCommand(this.#call("kill", "--all", containerId, signal), this.#bounds);
  }

  /**
   * Absent only where the runtime keeps nothing of it: a runtime that fails for another reason, for want of memory
   * say, has not said that the container is gone. Errors: CommandError with its words then.
   */
  async state(containerId: string): Promise<ContainerStatus> {
    const result = await tryCommand(this.#call("state", containerId), this.#bounds);
    if (result.code === 0) return parseState(containerId, result.stdout);
    if (!(await this.knows(containerId))) return { status: "absent" };
    throw new CommandError(
      `Cannot tell the state of container "${containerId}": ${result.stderr.trim()}`,
      result,
    );
  }

  /** Whether the runtime keeps anything of the container. */
  async knows(containerId: string): Promise<boolean> {
    const [mark = containerId] = waysOf(await this.family()).stateFiles(containerId);
    return await access(join(this.#root, mark)).then(
      () => true,
      () => false,
    );
  }

  /** Kills and forgets the container, whatever state it is in. Does nothing where there is none. Errors: CommandError. */
  async delete(containerId: string): Promise<void> {
    await tryCommand(this.#call("delete", "--force", containerId), this.#bounds);
  }

  /** What a runtime that was killed halfway leaves of its state, and its own delete does not see. */
  async forget(containerId: string): Promise<void> {
    const { stateFiles } = waysOf(await this.family());
    for (const name of stateFiles(containerId)) await removeTree(join(this.#root, name));
  }

  /** Asked once. Errors: CommandError. */
  version(): Promise<RuntimeVersion> {
    this.#version ??= this.#askVersion();
    return this.#version;
  }

  async #askVersion(): Promise<RuntimeVersion> {
    const { stdout } = await runCommand([this.program, "--version"], this.#bounds);
    const text = stdout.trim().split("\n")[0] ?? "";
    const version = /version\s+(?:release-)?(\S+)/.exec(text)?.[1] ?? "unknown";
    return { family: familyOf(text), version, text: text.slice(0, VERSION_CHARS_MAX) };
  }

  /** One that does not tell is taken for what it was when it made a run, or for one like the others. */
  async family(): Promise<RuntimeFamily> {
    return await this.version().then(
      ({ family }) => family,
      () => this.#lastFamily,
    );
  }

  /** The command line that runs a container in the foreground, its stdio being the caller's. */
  runArgv(containerId: string, bundleDir: string): string[] {
    return this.#call("run", "--bundle", bundleDir, containerId);
  }

  get #bounds(): CommandOptions {
    return { timeoutMs: this.timeoutMs };
  }

  #call(verb: string, ...rest: string[]): string[] {
    return [this.program, ...this.globalArguments, verb, ...rest];
  }
}

function parseState(containerId: string, text: string): ContainerStatus {
  const parsed = parseJson(text);
  const status = parsed["status"];
  const pid = typeof parsed["pid"] === "number" ? parsed["pid"] : 0;
  if (status === "created" || status === "running" || status === "stopped") return { status, pid };
  // crun says "paused" and "creating" too: both mean that processes exist.
  if (typeof status === "string") return { status: "running", pid };
  throw new CommandError(
    `Cannot tell the state of container "${containerId}": the runtime says ${JSON.stringify(text.slice(0, 200))}, wanted JSON with a status`,
    null,
  );
}

function parseJson(text: string): Record<string, unknown> {
  try {
    const parsed: unknown = JSON.parse(text);
    return typeof parsed === "object" && parsed !== null ? { ...parsed } : {};
  } catch {
    return {};
  }
}
