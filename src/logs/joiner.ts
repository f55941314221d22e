import { isUtf8 } from "node:buffer";
import type { LogRecord } from "../contract/event.ts";
import { formatCursor } from "./cursor.ts";
import { type K8sLine, parseK8sLine } from "./k8s-line.ts";

/** A longer line is told in several records, each but the last at least so long. */
export const RECORD_BYTES_MAX = 64 * 1024;

/** For a line that has no time, where none came before it. */
const NO_TIME = "1970-01-01T00:00:00.000000000Z";

/** A record, and the byte of the file behind it. */
export interface JoinedRecord {
  readonly record: LogRecord;
  readonly end: number;
}

/** A line of the file: `end` is behind its newline. */
export interface FileLine {
  readonly bytes: Buffer;
  readonly start: number;
  readonly end: number;
}

/** A line of the app that is under way. */
interface Unfinished {
  readonly start: number;
  readonly pieces: Buffer[];
  bytes: number;
  time: string;
}

/**
 * Makes records of the lines of one run's file: joins what the supervisor wrote in pieces, stream by stream.
 * Lines that are none of the supervisor's are told as they are, as `system`.
 */
export class Joiner {
  readonly #run: number;
  readonly #unfinished = new Map<K8sLine["stream"], Unfinished>();
  #lastTime = NO_TIME;

  constructor(run: number) {
    this.#run = run;
  }

  /** The record that ends with this line, or null. */
  add({ bytes, start, end }: FileLine): JoinedRecord | null {
    const line = parseK8sLine(bytes);
    if (line === null) return this.#record({ time: this.#lastTime, stream: "system", content: bytes, end });
    this.#lastTime = line.time;
    const before = this.#unfinished.get(line.stream);
    if (before === undefined && !line.partial) return this.#record({ ...line, end });
    const now = before ?? { start, time: line.time, pieces: [], bytes: 0 };
    // A copy: the bytes of a line are a view on the chunk that they were read in.
    now.pieces.push(Buffer.from(line.content));
    now.bytes += line.content.length;
    now.time = line.time;
    this.#unfinished.set(line.stream, now);
    return line.partial && now.bytes < RECORD_BYTES_MAX ? null : this.#finish(line.stream, { end });
  }

  /**
   * The lines that were under way when the run ended, at byte `fileEnd` of its file. No newline ends them there,
   * so each is given an end of its own behind that of the file: who resumes between the two gets the other.
   */
  flush(fileEnd: number): JoinedRecord[] {
    return (["stdout", "stderr"] as const)
      .map((stream, index) => ({ stream, end: fileEnd + 1 + index }))
      .filter(({ stream }) => this.#unfinished.has(stream))
      .map(({ stream, end }) => this.#finish(stream, { end, fileEnd }));
  }

  #finish(stream: K8sLine["stream"], ends: { end: number; fileEnd?: number }): JoinedRecord {
    const { time = this.#lastTime, pieces = [] } = this.#unfinished.get(stream) ?? {};
    this.#unfinished.delete(stream);
    return this.#record({ time, stream, content: Buffer.concat(pieces), ...ends });
  }

  #record(parts: {
    time: string;
    stream: LogRecord["stream"];
    content: Buffer;
    end: number;
    fileEnd?: number;
  }): JoinedRecord {
    const { time, stream, content, end, fileEnd = end } = parts;
    const from = Math.min(fileEnd, ...[...this.#unfinished.values()].map((unfinished) => unfinished.start));
    const cursor = formatCursor({ run: this.#run, offset: end, from });
    const text = isUtf8(content)
      ? { line: content.toString("utf8") }
      : { lineBase64: content.toString("base64") };
    return { end, record: { time, stream, ...text, cursor } };
  }
}
