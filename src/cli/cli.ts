import { checkCounts, type Found, findCommand, parseArguments } from "./arguments.ts";
import { type Command, type Invocation, Options } from "./command.ts";
import { commands, serveCommand } from "./commands.ts";
import { chooseTarget, connect, type Target } from "./connect.ts";
import { UsageError } from "./errors.ts";
import { exitCode } from "./exit-codes.ts";
import { commandHelp, nounHelp, overview } from "./help.ts";
import type { Io } from "./io.ts";
import { makePaint, wantsColors } from "./output/colors.ts";
import { printJson } from "./output/print.ts";
import { reportError } from "./report-error.ts";

/**
 * The `sharku` command: a client of the daemon for people and scripts, made of one table of commands.
 *
 * Does: parse, call the client, print; pack directories; exit codes as exit-codes.ts has them.
 * Does not: know anything that the API does not tell, but for `doctor`, which asks the room host; nor run the
 * daemon, which is handed in.
 *
 * INVARIANTS
 * - What was asked for goes to stdout, everything else to stderr; an error is one line there.
 * - Nothing prompts. Nothing that an app wrote controls the terminal.
 * - With --json, stdout holds JSON only: one document, or one record a line where the answer is a stream.
 * - The world comes in by Io: nothing here reads process.argv, the environment or the clock.
 */
export async function main(argv: readonly string[], io: Io): Promise<number> {
  const context: Context = { io, json: argv.slice(0, endOfOptions(argv)).includes("--json"), target: null };
  try {
    return await dispatch(argv, context);
  } catch (error) {
    return reportError(error, context);
  }
}

/** What an error's report needs to know; filled in as it becomes known. */
interface Context {
  readonly io: Io;
  readonly json: boolean;
  target: Target | null;
}

async function dispatch(argv: readonly string[], context: Context): Promise<number> {
  const { io } = context;
  const first = argv.find((word) => !word.startsWith("-"));
  if (first === undefined && argv.some((word) => word === "--version" || word === "-v" || word === "-V"))
    return printVersion(context);
  if (first === "version") return printVersion(context);
  if (first === "help")
    return printHelp(
      argv.filter((word) => word !== "help"),
      io,
    );
  const found = findCommand(commands, argv);
  if (found.command === serveCommand) return io.serve(found.argv);
  if (found.command === null || wantsHelp(found.argv)) return printFoundHelp(found, io);
  return runFound(found.command, { argv: found.argv, context });
}

async function runFound(
  command: Command,
  { argv, context }: { argv: readonly string[]; context: Context },
): Promise<number> {
  const { io } = context;
  const parsed = parseArguments(command, argv);
  checkCounts(command, parsed);
  const options = new Options(parsed.values);
  const target = chooseTarget(options, io.env);
  context.target = target;
  const noColor = options.flag("no-color");
  const call: Invocation = {
    command,
    args: parsed.args,
    rest: parsed.rest,
    options,
    io,
    json: options.flag("json"),
    quiet: options.flag("quiet"),
    paint: {
      stdout: makePaint(wantsColors(io.stdout, { env: io.env, noColor })),
      stderr: makePaint(wantsColors(io.stderr, { env: io.env, noColor })),
    },
    target,
    client: connect(target, io.env),
  };
  return command.run(call);
}

function endOfOptions(argv: readonly string[]): number {
  const end = argv.indexOf("--");
  return end === -1 ? argv.length : end;
}

function wantsHelp(argv: readonly string[]): boolean {
  return argv.slice(0, endOfOptions(argv)).some((word) => word === "--help" || word === "-h");
}

async function printVersion({ io, json }: Context): Promise<number> {
  const version = await io.version();
  if (json) printJson(io.stdout, { version });
  else io.stdout.write(`sharku ${version}\n`);
  return exitCode("ok");
}

/** `sharku help`, `sharku help run`, `sharku help image push`. */
function printHelp(words: readonly string[], io: Io): number | Promise<number> {
  const found = findCommand(commands, words);
  if (found.command === serveCommand) return io.serve(["--help"]);
  return printFoundHelp({ ...found, argv: ["--help"] }, io);
}

function printFoundHelp({ command, words, argv }: Found, io: Io): number {
  const noColor = argv.includes("--no-color");
  const paint = makePaint(wantsColors(io.stdout, { env: io.env, noColor }));
  if (command) io.stdout.write(commandHelp(command, paint));
  else if (words.length === 0) {
    const stray = argv.find((word) => !["--help", "-h", "--no-color"].includes(word));
    if (stray !== undefined)
      throw new UsageError(`Cannot take "${stray}" alone: a command was wanted, see: sharku help`);
    io.stdout.write(overview(commands, paint));
  } else {
    io.stdout.write(nounHelp(commands, { words, paint }));
    return exitCode(wantsHelp(argv) ? "ok" : "usage");
  }
  return exitCode("ok");
}
