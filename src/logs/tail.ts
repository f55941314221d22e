import type { LogRecord } from "../contract/event.ts";
import type { Position } from "./cursor.ts";
import { CHUNK_BYTES, readFilePart } from "./file-part.ts";
import type { FileLine } from "./joiner.ts";
import { type K8sLine, parseK8sLine } from "./k8s-line.ts";
import type { RunFile } from "./run-files.ts";

export interface TailQuery {
  readonly count: number;
  readonly matches: (line: Pick<LogRecord, "time" | "stream">) => boolean;
}

/** How far before the tail the begin of a line that is under way there is looked for. */
const LOOK_BACK_BYTES = 256 * 1024;
const NEWLINE = 10;

/**
 * The position behind which the last `count` lines begin, found from the end backwards; null where there are not
 * so many. A line told in several records counts once.
 */
export async function findTail(files: readonly RunFile[], query: TailQuery): Promise<Position | null> {
  let missing = query.count;
  for (const file of files.toReversed()) {
    const scan = new TailScan({ ...query, count: missing });
    for await (const line of linesBackwards(file.path)) if (scan.add(line)) break;
    if (scan.isFull) return { run: file.number, ...scan.place() };
    missing -= scan.counted;
  }
  return null;
}

/** Walks through the lines of one run, the last one first. */
class TailScan {
  readonly #query: TailQuery;
  /** Where the earliest line of each stream seen so far begins that belongs to the tail or is under way there. */
  readonly #starts = new Map<K8sLine["stream"], number>();
  /** Streams of which a line is seen that ends before the tail: nothing earlier of them belongs to it. */
  readonly #settled = new Set<K8sLine["stream"]>();
  #offset: number | null = null;
  counted = 0;

  constructor(query: TailQuery) {
    this.#query = query;
  }

  get isFull(): boolean {
    return this.counted >= this.#query.count;
  }

  place(): { offset: number; from: number } {
    const offset = this.#offset ?? 0;
    return { offset, from: Math.min(offset, ...this.#starts.values()) };
  }

  /** True where nothing earlier matters. */
  add(line: FileLine): boolean {
    if (this.isFull) this.#offset ??= line.end;
    const parsed = parseK8sLine(line.bytes);
    if (parsed === null) this.#count(line, { time: "", stream: "system" });
    else this.#walk(line, parsed);
    const farBack = this.#offset !== null && line.start < this.#offset - LOOK_BACK_BYTES;
    return this.isFull && (farBack || this.#settled.size === 2);
  }

  #walk(line: FileLine, parsed: K8sLine): void {
    const { stream } = parsed;
    if (this.#settled.has(stream)) return;
    if (!parsed.partial && this.isFull) {
      this.#settled.add(stream);
      return;
    }
    const endsHere = !parsed.partial || !this.#starts.has(stream);
    if (endsHere) this.#count(line, parsed);
    this.#starts.set(stream, line.start);
  }

  #count(line: FileLine, what: Pick<LogRecord, "time" | "stream">): void {
    if (this.isFull || !this.#query.matches(what)) return;
    this.counted += 1;
    this.#offset = line.start;
  }
}

/** The lines of a file that end with a newline, the last one first. */
async function* linesBackwards(path: string): AsyncGenerator<FileLine> {
  let { size: at } = await readFilePart(path, { start: 0, end: 0 });
  /** What is read and not told: the later part of a line, with its newline. */
  let rest: Buffer = Buffer.alloc(0);
  while (at > 0) {
    const start = Math.max(0, at - CHUNK_BYTES);
    const { bytes } = await readFilePart(path, { start, end: at });
    if (bytes.length < at - start) return;
    let part: Buffer = Buffer.concat([bytes, rest]);
    at = start;
    for (let end = part.lastIndexOf(NEWLINE); end !== -1; ) {
      const before = end === 0 ? -1 : part.lastIndexOf(NEWLINE, end - 1);
      if (before === -1 && at > 0 && end < 2 * CHUNK_BYTES) break;
      yield { bytes: part.subarray(before + 1, end), start: at + before + 1, end: at + end + 1 };
      part = part.subarray(0, before + 1);
      end = before;
    }
    // A last line without its newline is none yet.
    rest = part.includes(NEWLINE) ? part : Buffer.alloc(0);
  }
}
