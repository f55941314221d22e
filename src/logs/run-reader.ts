import type { LogRecord } from "../contract/event.ts";
import type { Position } from "./cursor.ts";
import { CHUNK_BYTES, readFilePart } from "./file-part.ts";
import { type FileLine, type JoinedRecord, Joiner } from "./joiner.ts";
import type { RunFile } from "./run-files.ts";

const NEWLINE = 10;

/** Reads the log of one run, from a position on, as far as it goes; and again when it has grown. */
export class RunReader {
  readonly #file: RunFile;
  #joiner: Joiner;
  /** Begin of the next line. */
  #at: number;
  /** Records that end here or before are known already. */
  #knownTo: number;

  constructor(file: RunFile, position: Position | null = null) {
    this.#file = file;
    this.#joiner = new Joiner(file.number);
    this.#at = position?.from ?? 0;
    this.#knownTo = position?.offset ?? 0;
  }

  get run(): number {
    return this.#file.number;
  }

  /** The records up to what is now the end of the file. A last line without its newline waits for the next time. */
  async *readOn(): AsyncGenerator<LogRecord> {
    const { size } = await readFilePart(this.#file.path, { start: 0, end: 0 });
    // The file was truncated: what is in it now is new.
    if (size < this.#at) this.#startOver();
    while (this.#at < size) {
      const { bytes } = await readFilePart(this.#file.path, { start: this.#at, end: size });
      const lines = splitLines(bytes, this.#at);
      const last = lines.at(-1);
      if (last === undefined) return;
      this.#at = last.end;
      for (const line of lines) yield* this.#news(this.#joiner.add(line));
    }
  }

  /** What is left where the run has ended: a line without its newline, lines that were under way. */
  async rest(): Promise<LogRecord[]> {
    const { bytes } = await readFilePart(this.#file.path, { start: this.#at, end: this.#at + CHUNK_BYTES });
    const start = this.#at;
    this.#at += bytes.length;
    const torn = bytes.length === 0 ? null : this.#joiner.add({ bytes, start, end: this.#at });
    return [torn, ...this.#joiner.flush(this.#at)].flatMap((joined) => this.#news(joined));
  }

  #news(joined: JoinedRecord | null): LogRecord[] {
    return joined === null || joined.end <= this.#knownTo ? [] : [joined.record];
  }

  #startOver(): void {
    this.#joiner = new Joiner(this.#file.number);
    this.#at = 0;
    this.#knownTo = 0;
  }
}

/** The whole lines in a part of a file that begins at byte `at`; a full chunk without a newline counts as one. */
export function splitLines(bytes: Buffer, at: number): FileLine[] {
  const lines: FileLine[] = [];
  let start = 0;
  for (let newline = bytes.indexOf(NEWLINE); newline !== -1; newline = bytes.indexOf(NEWLINE, start)) {
    lines.push({ bytes: bytes.subarray(start, newline), start: at + start, end: at + newline + 1 });
    start = newline + 1;
  }
  if (lines.length === 0 && bytes.length === CHUNK_BYTES)
    return [{ bytes, start: at, end: at + bytes.length }];
  return lines;
}
