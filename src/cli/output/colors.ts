import { styleText } from "node:util";
import type { Io, Output } from "../io.ts";

export type Style = "bold" | "dim" | "red" | "green" | "yellow" | "blue" | "magenta" | "cyan";

/** Colours a text, or leaves it as it is where colours are off. */
export type Paint = ((style: Style | readonly Style[], text: string) => string) & {
  readonly enabled: boolean;
};

export function makePaint(enabled: boolean): Paint {
  const paint = (style: Style | readonly Style[], text: string): string =>
    // `styleText` would look at the process's own stdout, which need not be the one written to.
    enabled
      ? styleText(typeof style === "string" ? style : [...style], text, { validateStream: false })
      : text;
  return Object.assign(paint, { enabled });
}

/** Colours are for terminals, and for who wants them there (https://no-color.org). */
export function wantsColors(output: Output, options: { env: Io["env"]; noColor: boolean }): boolean {
  if (options.noColor || options.env["NO_COLOR"] || options.env["TERM"] === "dumb") return false;
  return output.isTTY === true;
}
