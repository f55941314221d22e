import type { Invocation } from "../command.ts";
import type { Output } from "../io.ts";

/** One JSON document: spread out for people, on one line for programs. */
export function printJson(output: Output, value: unknown): void {
  output.write(`${JSON.stringify(value, null, output.isTTY ? 2 : 0)}\n`);
}

/** A remark to the person at the terminal: not what was asked for, so on stderr and never in JSON. */
export function remark(call: Invocation, text: string): void {
  if (!call.quiet && !call.json) call.io.stderr.write(`${text}\n`);
}
