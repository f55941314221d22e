import { parseArgs } from "node:util";
import type { Command, OptionTable } from "./command.ts";
import { UsageError } from "./errors.ts";
import { suggest } from "./suggest.ts";

/** The options that every command takes, before or after its name. */
export const globalOptions = {
  socket: { type: "string", value: "FILE", help: "the daemon's unix socket (SHARKU_SOCKET)" },
  host: { type: "string", value: "URL", help: "the daemon's address, with SHARKU_TOKEN (SHARKU_HOST)" },
  json: { type: "boolean", help: "print JSON, errors too" },
  quiet: { type: "boolean", short: "q", help: "print the needed only: ids, no progress" },
  "no-color": { type: "boolean", help: "no colours (NO_COLOR)" },
  help: { type: "boolean", short: "h", help: "print help" },
} as const satisfies OptionTable;

export interface Parsed {
  readonly values: ReadonlyMap<string, readonly string[]>;
  readonly args: readonly string[];
  readonly rest: readonly string[] | null;
}

export interface Found {
  /** Null where the words are only the start of commands, `image` say, or where there are no words at all. */
  readonly command: Command | null;
  /** The words found, whether they name a command or not. */
  readonly words: readonly string[];
  /** The command line without the words of the command. */
  readonly argv: string[];
}

/** Finds the words that name the command, among options that may stand anywhere. */
export function findCommand(commands: readonly Command[], argv: readonly string[]): Found {
  const words: string[] = [];
  const left = [...argv];
  for (let found = nextWord(left); found !== null; found = nextWord(left)) {
    const longer = [...words, found.word];
    const known = commands.filter((command) => longer.every((word, index) => command.path[index] === word));
    if (known.length === 0) {
      if (words.length > 0 && commands.some((command) => command.path.join(" ") === words.join(" "))) break;
      throw unknownCommand(commands, longer);
    }
    words.push(found.word);
    left.splice(found.index, 1);
    const command = known.find((candidate) => candidate.path.length === words.length);
    if (command) return { command, words, argv: left };
  }
  return { command: null, words, argv: left };
}

/** The first word that is no option, nor the value of a global one; all others come after the command. */
function nextWord(argv: readonly string[]): { word: string; index: number } | null {
  for (let index = 0; index < argv.length; index += 1) {
    const word = argv[index] ?? "";
    if (word === "--") return null;
    if (word === "--socket" || word === "--host") index += 1;
    else if (!word.startsWith("-")) return { word, index };
  }
  return null;
}

function unknownCommand(commands: readonly Command[], words: readonly string[]): UsageError {
  const before = words.slice(0, -1);
  const here = commands.filter((command) => before.every((word, index) => command.path[index] === word));
  const near = suggest(words.at(-1) ?? "", new Set(here.map((command) => command.path[before.length] ?? "")));
  const advice = near ? `did you mean ${[...before, near].join(" ")}?` : "see: sharku help";
  return new UsageError(`Cannot find command "${words.join(" ")}": there is none of that name, ${advice}`);
}

/** Takes a command's arguments and options apart. Errors: UsageError. */
export function parseArguments(command: Command, argv: readonly string[]): Parsed {
  const table: OptionTable = { ...globalOptions, ...command.options };
  const options = Object.fromEntries(
    Object.entries(table).map(([name, { type, short }]) => [name, short ? { type, short } : { type }]),
  );
  const { tokens } = parseArgs({
    args: [...argv],
    options,
    strict: false,
    allowPositionals: true,
    tokens: true,
  });
  const values = new Map<string, string[]>();
  const args: string[] = [];
  let rest: string[] | null = null;
  for (const token of tokens) {
    if (token.kind === "option-terminator") rest = [];
    else if (token.kind === "positional") (rest ?? args).push(token.value);
    else values.set(token.name, [...(values.get(token.name) ?? []), readValue(token, { table, command })]);
  }
  return { values, args, rest };
}

interface OptionToken {
  readonly name: string;
  readonly rawName: string;
  readonly value: string | undefined;
  readonly inlineValue: boolean | undefined;
}

function readValue(token: OptionToken, { table, command }: { table: OptionTable; command: Command }): string {
  const spec = Object.hasOwn(table, token.name) ? table[token.name] : undefined;
  if (!spec) throw unknownOption(token, { table, command });
  if (spec.type === "boolean") {
    if (token.value === undefined) return "";
    throw new UsageError(`Cannot take ${token.rawName} "${token.value}": the option has no value`);
  }
  // A number below zero is a value, if a wrong one: what is wrong with it is told by who knows the bounds.
  const missing = token.value === undefined || (!token.inlineValue && /^-[^\d.]/.test(token.value));
  if (!missing && token.value !== undefined) return token.value;
  const wanted = `${token.rawName} ${spec.value ?? "VALUE"}`;
  throw new UsageError(`Cannot take ${token.rawName}: its value is missing, ${wanted} was wanted`);
}

function unknownOption(
  token: OptionToken,
  { table, command }: { table: OptionTable; command: Command },
): UsageError {
  const elsewhere = Object.hasOwn(command.elsewhere ?? {}, token.name) && command.elsewhere?.[token.name];
  if (elsewhere) return new UsageError(`Cannot take option "${token.rawName}": ${elsewhere}`);
  const near = suggest(token.name, Object.keys(table));
  const advice = near ? `did you mean --${near}?` : `see: sharku ${command.path.join(" ")} --help`;
  return new UsageError(`Cannot take option "${token.rawName}": there is none of that name, ${advice}`);
}

/** Holds the number of arguments to what the command takes. Errors: UsageError. */
export function checkCounts(command: Command, parsed: Parsed): void {
  const [min, max] = command.argumentCount;
  const usage = usageOf(command);
  if (parsed.args.length < min)
    throw new UsageError(`Cannot run "${command.path.join(" ")}": an argument is missing, usage: ${usage}`);
  const surplus = parsed.args[max] ?? (command.takesCommand ? undefined : parsed.rest?.[0]);
  if (surplus === undefined) return;
  const where = command.takesCommand ? "put a command and its words after --" : `usage: ${usage}`;
  throw new UsageError(`Cannot take argument "${surplus}": it is one too many, ${where}`);
}

export function usageOf(command: Command): string {
  const words = ["sharku", ...command.path];
  if (Object.keys(command.options).length > 0) words.push("[OPTIONS]");
  if (command.arguments) words.push(command.arguments);
  return words.join(" ");
}
