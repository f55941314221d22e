import type { Invocation } from "../command.ts";
import type { Output } from "../io.ts";

/** The terminal's second screen, so that what was there before comes back; home, and clear from there. */
const ENTER = "\x1b[?1049h\x1b[?25l";
const LEAVE = "\x1b[?25h\x1b[?1049l";
const CLEAR = "\x1b[H\x1b[J";

/** Of a terminal that does not tell its own. */
const ROWS = 24;

/** A table that is drawn over itself, where there is a terminal that can. */
export class LiveTable implements Disposable {
  readonly isLive: boolean;
  readonly #output: Output;
  #isEntered = false;

  constructor({ io, json }: Invocation) {
    this.#output = io.stdout;
    this.isLive = io.stdout.isTTY === true && io.env["TERM"] !== "dumb" && !json;
  }

  /** What does not fit on the screen is left out. */
  show(draw: (output: Output) => void): void {
    const parts: string[] = [];
    draw({
      write: (data) => parts.push(String(data)),
      isTTY: true,
      columns: this.#output.columns,
    });
    const lines = parts
      .join("")
      .split("\n")
      .slice(0, (this.#output.rows || ROWS) - 1);
    this.#output.write(`${this.#isEntered ? "" : ENTER}${CLEAR}${lines.join("\n")}`);
    this.#isEntered = true;
  }

  [Symbol.dispose](): void {
    if (this.#isEntered) this.#output.write(LEAVE);
  }
}
