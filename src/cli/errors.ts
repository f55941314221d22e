import type { ExitName } from "./exit-codes.ts";

/** Something that the command itself cannot do; told to the user as one line. */
export class CliError extends Error {
  override readonly name: string = "CliError";
  readonly exit: ExitName;

  constructor(message: string, options: { exit?: ExitName; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? {} : { cause: options.cause });
    this.exit = options.exit ?? "refused";
  }
}

/** The command line was not understood. */
export class UsageError extends CliError {
  override readonly name = "UsageError";

  constructor(message: string) {
    super(message, { exit: "usage" });
  }
}
