/** Longer lines are a fault of the other side: a record is a log line or a proc, and both are limited. */
const LINE_CHARS_MAX = 16 * 1024 * 1024;

/** The answer ended within a line: what was to come is missing. */
export class TornLine extends Error {
  override readonly name = "TornLine";
}

/**
 * The records of an NDJSON stream, one by one as they come; holds no more than one chunk and one line. Empty
 * lines are heartbeats. Leaving the loop cancels the stream.
 * Errors: TornLine where the last line has no end or is no JSON, and whatever the stream itself fails with.
 */
export async function* readRecords(stream: ReadableStream<Uint8Array>): AsyncGenerator<unknown, void> {
  const reader = stream.getReader();
  try {
    const lines = new LineSplitter();
    for (let chunk = await reader.read(); !chunk.done; chunk = await reader.read()) {
      for (const line of lines.push(chunk.value)) if (line !== "") yield parseRecord(line);
    }
    if (lines.rest !== "")
      throw new TornLine(`Cannot read "${lines.rest.slice(0, 40)}": the line has no end`);
  } finally {
    // The reader may have failed already; then there is nothing to cancel.
    await reader.cancel().catch(() => undefined);
  }
}

class LineSplitter {
  readonly #decoder = new TextDecoder();
  #parts: string[] = [];
  #chars = 0;

  /** What has come after the last newline. */
  get rest(): string {
    return this.#parts.join("");
  }

  push(chunk: Uint8Array): string[] {
    const pieces = this.#decoder.decode(chunk, { stream: true }).split("\n");
    const last = pieces.pop() ?? "";
    const complete = pieces.map((piece, index) => (index === 0 ? this.rest + piece : piece));
    if (complete.length > 0) {
      this.#parts = [];
      this.#chars = 0;
    }
    this.#parts.push(last);
    this.#chars += last.length;
    if (this.#chars > LINE_CHARS_MAX)
      throw new TornLine(
        `Cannot read a line of more than ${LINE_CHARS_MAX} characters: no record is that long`,
      );
    return complete;
  }
}

function parseRecord(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch (cause) {
    throw new TornLine(`Cannot read "${line.slice(0, 40)}": it is no JSON`, { cause });
  }
}
