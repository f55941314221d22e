import { globalOptions, usageOf } from "./arguments.ts";
import type { Command, OptionTable } from "./command.ts";
import { exitCodes } from "./exit-codes.ts";
import type { Paint } from "./output/colors.ts";
import { wrap } from "./output/wrap.ts";

/** The help texts, all of them made of the table of commands. */

export function overview(commands: readonly Command[], paint: Paint): string {
  const lines = commands.map((command): Line => [command.path.join(" "), command.summary]);
  const codes = Object.values(exitCodes).map(([code, meaning]): Line => [String(code), meaning]);
  return joinBlocks([
    "Sharku runs 12-factor apps: give it an app's directory, get an isolated process\non a port.",
    section("Usage", { body: "  sharku COMMAND [ARGUMENTS] [OPTIONS]", paint }),
    section("First steps", { body: layOut(firstSteps), paint }),
    section("Commands", { body: layOut(lines), paint }),
    section("Options of every command", { body: optionLines(globalOptions), paint }),
    section("Exit codes", { body: layOut(codes), paint }),
    "See `sharku COMMAND --help` for one command.",
  ]);
}

const firstSteps: readonly Line[] = [
  ["sharku doctor", "can this machine run procs?"],
  ["sharku serve", "start the daemon"],
  ["sharku run .", "run the app in this directory"],
];

/** The commands of one noun. */
export function nounHelp(
  commands: readonly Command[],
  options: { words: readonly string[]; paint: Paint },
): string {
  const { words, paint } = options;
  const here = commands.filter((command) => words.every((word, index) => command.path[index] === word));
  const lines = here.map((command): Line => [command.path.join(" "), command.summary]);
  return joinBlocks([
    section("Commands", { body: layOut(lines), paint }),
    `See \`sharku ${words.join(" ")} COMMAND --help\` for one command.`,
  ]);
}

export function commandHelp(command: Command, paint: Paint): string {
  const hasOptions = Object.keys(command.options).length > 0;
  return joinBlocks([
    wrap(`${command.summary}.`, ""),
    command.details ? wrap(command.details, "") : "",
    section("Usage", { body: `  ${usageOf(command)}`, paint }),
    hasOptions ? section("Options", { body: optionLines(command.options), paint }) : "",
    section("Options of every command", { body: optionLines(globalOptions), paint }),
    section("Examples", { body: command.examples.map((example) => `  ${example}`).join("\n"), paint }),
  ]);
}

function joinBlocks(blocks: readonly string[]): string {
  return `${blocks.filter((block) => block !== "").join("\n\n")}\n`;
}

function section(title: string, { body, paint }: { body: string; paint: Paint }): string {
  return `${paint("bold", title)}\n${body}`;
}

type Line = readonly [left: string, right: string];

function optionLines(table: OptionTable): string {
  return layOut(
    Object.entries(table).map(([name, spec]): Line => {
      const short = spec.short ? `-${spec.short}, ` : "    ";
      const value = spec.value ? ` ${spec.value}` : "";
      return [`${short}--${name}${value}`, spec.multiple ? `${spec.help}; may be repeated` : spec.help];
    }),
  );
}

/** Two columns, the right one wrapped within itself. */
function layOut(lines: readonly Line[]): string {
  const leftWidth = Math.max(...lines.map(([left]) => left.length)) + 2;
  const indent = " ".repeat(leftWidth + 2);
  return lines
    .map(([left, right]) => `  ${left.padEnd(leftWidth)}${wrap(right, indent).trimStart()}`)
    .join("\n");
}
