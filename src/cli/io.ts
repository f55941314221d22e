/** Where a command writes to: the process's own streams, or a test's. */
export interface Output {
  write(data: string | Uint8Array): unknown;
  readonly isTTY?: boolean | undefined;
  readonly columns?: number | undefined;
}

/** All that the commands have of the world around them. */
export interface Io {
  readonly stdout: Output;
  readonly stderr: Output;
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
