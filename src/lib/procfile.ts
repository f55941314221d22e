import { escapeHidden } from "./escape-hidden.ts";

/** A line of a Procfile that is none. */
export class ProcfileError extends Error {
  override readonly name = "ProcfileError";
  readonly line: number;

  constructor(line: number, message: string) {
    super(message);
    this.line = line;
  }
}

const linePattern = /^([A-Za-z0-9_-]+)[ \t]*:[ \t]*(\S.*)$/;

/**
 * The processes of a Procfile: `name: command`, one a line; empty lines and those that begin with `#` say
 * nothing. The answer has no prototype, so that a process called `constructor` is not there unless written.
 * Errors: ProcfileError, with the number of the line, where a line is something else or a name is there twice.
 */
export function parseProcfile(text: string): Record<string, string> {
  const processes: Record<string, string> = Object.create(null);
  for (const [index, raw] of text
    .replace(/^\uFEFF/, "")
    .split("\n")
    .entries()) {
    const line = raw.trim();
    if (line === "" || line.startsWith("#")) continue;
    const [name, command] = parseLine(line, index + 1);
    if (name in processes) throw new ProcfileError(index + 1, `the process "${name}" is there twice`);
    processes[name] = command;
  }
  return processes;
}

function parseLine(line: string, number: number): [name: string, command: string] {
  const [, name, command] = linePattern.exec(line) ?? [];
  if (name === undefined || command === undefined || command.includes("\0"))
    throw new ProcfileError(number, `it is "${escapeHidden(line.slice(0, 80))}", wanted "name: command"`);
  return [name, command];
}
