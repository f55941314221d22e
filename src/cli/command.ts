import type { SharkuClient } from "../client/client.ts";
import type { Target } from "./connect.ts";
import { UsageError } from "./errors.ts";
import type { Io } from "./io.ts";
import type { Paint } from "./output/colors.ts";
import { formatSize, parseDuration, parseSize } from "./output/units.ts";

/** One option, as the parser and the help see it. */
export interface OptionSpec {
  readonly type: "string" | "boolean";
  readonly short?: string;
  readonly multiple?: boolean;
  /** What stands for the value in the help. */
  readonly value?: string;
  readonly help: string;
}

export type OptionTable = Readonly<Record<string, OptionSpec>>;

/** One line of the table of commands: parser, help and suggestions are made of it. */
export interface Command {
  /** `["ps"]`, or noun and verb: `["image", "push"]`. */
  readonly path: readonly string[];
  /** As the help shows them, `ID|APP...` say. */
  readonly arguments: string;
  readonly argumentCount: readonly [min: number, max: number];
  /** Whether words may follow after `--`. */
  readonly takesCommand?: boolean;
  readonly summary: string;
  readonly details?: string;
  readonly options: OptionTable;
  /** Options that one may look for here, and why they are not: by their names. */
  readonly elsewhere?: Readonly<Record<string, string>>;
  readonly examples: readonly string[];
  readonly run: (call: Invocation) => Promise<number>;
}

/** One call of a command. */
export interface Invocation {
  readonly command: Command;
  readonly args: readonly string[];
  /** The words after `--`, or null where there is no `--`. */
  readonly rest: readonly string[] | null;
  readonly options: Options;
  readonly io: Io;
  readonly json: boolean;
  readonly quiet: boolean;
  /** Colours for what goes to stdout, and for what goes to stderr. */
  readonly paint: { readonly stdout: Paint; readonly stderr: Paint };
  readonly target: Target;
  readonly client: SharkuClient;
}

/** The values of the options that were given, by their long names. */
export class Options {
  readonly #values: ReadonlyMap<string, readonly string[]>;

  constructor(values: ReadonlyMap<string, readonly string[]>) {
    this.#values = values;
  }

  flag(name: string): boolean {
    return this.#values.has(name);
  }

  /** The value given last. */
  text(name: string): string | undefined {
    return this.#values.get(name)?.at(-1);
  }

  texts(name: string): readonly string[] {
    return this.#values.get(name) ?? [];
  }

  /** One of these words. */
  choice<T extends string>(name: string, words: readonly T[]): T | undefined {
    const text = this.text(name);
    const word = words.find((candidate) => candidate === text);
    if (text !== undefined && word === undefined)
      throw new UsageError(`Cannot take --${name} "${text}": one of ${words.join(", ")} was wanted`);
    return word;
  }

  /** A word of the form that the contract's own schema has. */
  label(name: string, schema: object): string | undefined {
    const text = this.text(name);
    const pattern = "pattern" in schema ? String(schema.pattern) : "";
    if (text === undefined || new RegExp(pattern).test(text)) return text;
    throw new UsageError(
      `Cannot take --${name} "${text}": a word of lower-case letters and digits was wanted, ${pattern}`,
    );
  }

  /** Held to the bounds of the contract's schema where one is given; so are the two below. */
  integer(name: string, schema: object = {}): number | undefined {
    const text = this.text(name);
    if (text === undefined) return undefined;
    if (/^\d{1,15}$/.test(text)) return withinBounds(Number(text), { name, text, schema, format: String });
    throw new UsageError(`Cannot take --${name} "${text}": a whole number was wanted`);
  }

  number(name: string, schema: object = {}): number | undefined {
    const text = this.text(name);
    if (text === undefined) return undefined;
    if (/^\d{1,12}(\.\d{1,6})?$/.test(text))
      return withinBounds(Number(text), { name, text, schema, format: String });
    throw new UsageError(`Cannot take --${name} "${text}": a number such as 2 or 0.5 was wanted`);
  }

  durationMs(name: string): number | undefined {
    const text = this.text(name);
    if (text === undefined) return undefined;
    const ms = parseDuration(text);
    if (ms !== null) return ms;
    throw new UsageError(`Cannot take --${name} "${text}": a time such as 10s, 500ms, 5m or 2h was wanted`);
  }

  sizeBytes(name: string, schema: object = {}): number | undefined {
    const text = this.text(name);
    if (text === undefined) return undefined;
    const bytes = parseSize(text);
    if (bytes !== null) return withinBounds(bytes, { name, text, schema, format: formatSize });
    throw new UsageError(`Cannot take --${name} "${text}": a size such as 512M or 2G was wanted`);
  }
}

function withinBounds(
  value: number,
  given: { name: string; text: string; schema: object; format: (bound: number) => string },
): number {
  const { name, text, schema, format } = given;
  const min = "minimum" in schema ? Number(schema.minimum) : 0;
  const max = "maximum" in schema ? Number(schema.maximum) : Infinity;
  if (value >= min && value <= max) return value;
  const wanted = value < min ? `at least ${format(min)}` : `at most ${format(max)}`;
  throw new UsageError(`Cannot take --${name} "${text}": ${wanted} was wanted`);
}
