import { StringDecoder } from "node:string_decoder";

/**
 * Parts what a stranger writes into lines, without ever holding more than `charsMax` of one: of a longer line,
 * the rest is dropped. Give it each chunk as it comes; what has no newline at the end is no line.
 */
export class BoundedLines {
  readonly #charsMax: number;
  readonly #onLine: (line: string) => void;
  readonly #decoder = new StringDecoder("utf8");
  #line = "";

  constructor(charsMax: number, onLine: (line: string) => void) {
    this.#charsMax = charsMax;
    this.#onLine = onLine;
  }

  readonly add = (chunk: Buffer): void => {
    const parts = this.#decoder.write(chunk).split("\n");
    for (const [index, part] of parts.entries()) {
      this.#line += part.slice(0, Math.max(0, this.#charsMax - this.#line.length));
      if (index === parts.length - 1) return;
      const line = this.#line;
      this.#line = "";
      this.#onLine(line);
    }
  };
}
