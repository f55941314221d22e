import { type SpawnOptions, spawn } from "node:child_process";

/** How much of a command's output is kept: enough to tell what was wrong, too little to hurt. */
const OUTPUT_BYTES_MAX = 1024 * 1024;

export interface CommandOptions {
  /** Given to the command as standard input, which then ends. Without it, standard input is /dev/null. */
  readonly input?: string | undefined;
  /** After this many milliseconds the command and its children are killed. */
  readonly timeoutMs?: number;
  readonly cwd?: string;
  readonly env?: NodeJS.ProcessEnv;
}

export interface CommandResult {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A command that could not be run, or that did not end with code 0. */
export class CommandError extends Error {
  override readonly name = "CommandError";
  readonly result: CommandResult | null;

  constructor(message: string, result: CommandResult | null, cause?: unknown) {
    super(message, cause === undefined ? {} : { cause });
    this.result = result;
  }
}

/**
 * Runs a program without a shell and waits for its end.
 * Errors: CommandError where it cannot be run, is killed at the timeout, or does not end with code 0.
 */
export async function runCommand(
  argv: readonly string[],
  options: CommandOptions = {},
): Promise<CommandResult> {
  const result = await tryCommand(argv, options);
  if (result.code === 0) return result;
  const why = result.code === null ? `ended by ${result.signal}` : `exit code ${result.code}`;
  const text = result.stderr.trim().replaceAll("\n", "; ").slice(0, 2000);
  throw new CommandError(`Cannot run "${argv[0]}": ${why}${text ? `: ${text}` : ""}`, result);
}

/** As `runCommand`, but an exit code is an answer, not an error. */
export function tryCommand(argv: readonly string[], options: CommandOptions = {}): Promise<CommandResult> {
  const [program, ...rest] = argv;
  if (program === undefined) throw new TypeError("Cannot run an empty command");
  return new Promise((resolve, reject) => {
    const child = spawn(program, rest, spawnOptions(options));
    const stdout: Buffer[] = [];
    const stderr: Buffer[] = [];
    let timedOut = false;
    const timer =
      options.timeoutMs === undefined
        ? undefined
        : setTimeout(() => {
            timedOut = true;
            killGroup(child.pid);
          }, options.timeoutMs);
    collect(child.stdout, stdout);
    collect(child.stderr, stderr);
    child.on("error", (cause) => {
      clearTimeout(timer);
      reject(new CommandError(`Cannot run "${program}": ${cause.message}`, null, cause));
    });
    child.on("close", (code, signal) => {
      clearTimeout(timer);
      const result = { code, signal, stdout: text(stdout), stderr: text(stderr) };
      if (timedOut)
        reject(new CommandError(`Cannot wait for "${program}": no end in ${options.timeoutMs} ms`, result));
      else resolve(result);
    });
    // A program that ends without reading its input breaks the pipe; its exit code tells the story.
    child.stdin?.on("error", () => undefined);
    if (options.input !== undefined) child.stdin?.end(options.input);
  });
}

function spawnOptions(options: CommandOptions): SpawnOptions {
  return {
    stdio: [options.input === undefined ? "ignore" : "pipe", "pipe", "pipe"],
    // A group of its own, so that a timeout ends the whole family.
    detached: options.timeoutMs !== undefined,
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    ...(options.env === undefined ? {} : { env: options.env }),
  };
}

function collect(stream: NodeJS.ReadableStream | null, into: Buffer[]): void {
  let bytes = 0;
  stream?.on("data", (chunk: Buffer) => {
    if (bytes < OUTPUT_BYTES_MAX) into.push(chunk);
    bytes += chunk.length;
  });
}

function text(chunks: Buffer[]): string {
  return Buffer.concat(chunks).toString("utf8");
}

function killGroup(pid: number | undefined): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, "SIGKILL");
  } catch {
    // Already gone.
  }
}
