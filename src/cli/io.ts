import { CliError } from "./errors.ts";

/** Where a command writes to: the process's own streams, or a test's. */
export interface Output {
  write(data: string | Uint8Array): unknown;
  readonly isTTY?: boolean | undefined;
  readonly columns?: number | undefined;
  readonly rows?: number | undefined;
}

/** What is piped into a command. */
export type Input = AsyncIterable<Uint8Array | string> & {
  readonly isTTY?: boolean | undefined;
  readonly destroy: () => unknown;
};

/** All that the commands have of the world around them. */
export interface Io {
  readonly stdout: Output;
  readonly stderr: Output;
  /** Called by the commands that read it only: merely to look at it keeps a process waiting for it. */
  readonly stdin: () => Input;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  readonly now: () => Date;
  /** Resolves after `ms` milliseconds and keeps the process alive until then. */
  readonly sleep: (ms: number) => Promise<void>;
  /** Calls the listener at each Ctrl-C (or SIGTERM) instead of ending the process; returns the way back. */
  readonly onInterrupt: (listener: () => void) => () => void;
  /** The daemon's own command. */
  readonly serve: (argv: string[]) => Promise<number>;
  readonly version: () => Promise<string>;
}

/** The bytes that are piped in, and the way to have enough of them. */
export interface Piped {
  readonly stream: AsyncIterable<Uint8Array>;
  /** Whoever writes may keep the pipe open, and that would keep the process. */
  readonly close: () => void;
}

/** Errors: CliError where there is a terminal instead, which would wait for ever. */
export function openStdin({ stdin }: Pick<Io, "stdin">, what: string): Piped {
  const input = stdin();
  if (input.isTTY)
    throw new CliError(`Cannot read ${what} from "-": that is the terminal, a pipe or a file was wanted`, {
      exit: "usage",
    });
  return { stream: toBytes(input), close: () => void input.destroy() };
}

export async function readStdinText(io: Pick<Io, "stdin">, what: string): Promise<string> {
  return Buffer.concat(await Array.fromAsync(openStdin(io, what).stream)).toString("utf8");
}

async function* toBytes(input: Input): AsyncGenerator<Uint8Array, void> {
  for await (const chunk of input) yield typeof chunk === "string" ? Buffer.from(chunk) : chunk;
}
