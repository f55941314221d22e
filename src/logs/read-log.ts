import { SharkuError } from "../contract/errors.ts";
import type { LogRecord } from "../contract/event.ts";
import type { LogQuery } from "../contract/routes.ts";
import type { Clock } from "../procs/needs.ts";
import { Changes } from "./changes.ts";
import { comparePositions, type Position, parseCursor } from "./cursor.ts";
import { normaliseTime } from "./log-time.ts";
import { listRunFiles, type RunFile } from "./run-files.ts";
import { RunReader } from "./run-reader.ts";
import { findTail } from "./tail.ts";

export interface ReadQuery extends LogQuery {
  /** Whether the proc will never write again; asked from time to time. Without it, it may. */
  readonly ended?: () => boolean;
}

export interface ReadOptions {
  readonly dir: string;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

/**
 * The records of a proc's log, from all its runs, oldest first. The query is judged at once, before the first
 * record is asked for. Errors: `invalid-request`.
 */
export function readLog(query: ReadQuery, options: ReadOptions): AsyncIterable<LogRecord> {
  const after = query.after === undefined ? null : parseCursor(query.after);
  return new LogRead(query, { ...options, after, window: new Window(query) }).records();
}

class LogRead {
  readonly #query: ReadQuery;
  readonly #options: ReadOptions & { readonly after: Position | null; readonly window: Window };
  readonly #ended: () => boolean;
  #reader: RunReader | null = null;

  constructor(query: ReadQuery, options: ReadOptions & { after: Position | null; window: Window }) {
    this.#query = query;
    this.#options = options;
    this.#ended = query.ended ?? (() => false);
  }

  async *records(): AsyncGenerator<LogRecord> {
    const { dir, clock, signal } = this.#options;
    if (signal.aborted) return;
    const follow = this.#query.follow ?? false;
    const changes = follow ? new Changes(dir, { sleep: clock.sleep, ended: this.#ended, signal }) : null;
    try {
      let seen = await listRunFiles(dir);
      const start = await this.#start(seen ?? []);
      while (!signal.aborted) {
        // Asked before reading: what was written before the end is there by now.
        const ended = this.#ended();
        const files = await listRunFiles(dir);
        // Removed while it was being read.
        if (files === null && seen !== null) return;
        seen = files;
        yield* this.#upToEnd(files ?? [], { start, ended });
        if (changes === null || ended || this.#options.window.isPast(clock.now())) return;
        await changes.wait();
      }
    } finally {
      changes?.close();
    }
  }

  /** Run after run, up to what is now the end of the last. */
  async *#upToEnd(
    files: readonly RunFile[],
    { start, ended }: { start: Position | null; ended: boolean },
  ): AsyncGenerator<LogRecord> {
    for (const [index, file] of files.entries()) {
      if (file.number < (this.#reader?.run ?? start?.run ?? 0)) continue;
      if (this.#reader?.run !== file.number)
        this.#reader = new RunReader(file, file.number === start?.run ? start : null);
      yield* this.#picked(this.#reader.readOn());
      const isLast = index === files.length - 1;
      if (!isLast || ended) yield* this.#picked(await this.#reader.rest());
    }
  }

  async *#picked(records: AsyncIterable<LogRecord> | Iterable<LogRecord>): AsyncGenerator<LogRecord> {
    for await (const record of records) {
      if (this.#options.signal.aborted) return;
      if (this.#options.window.has(record)) yield record;
    }
  }

  /** Where reading begins; null for the very begin. */
  async #start(files: readonly RunFile[]): Promise<Position | null> {
    const { after, window } = this.#options;
    if (this.#query.tail === undefined) return after;
    const tail = await findTail(files, { count: this.#query.tail, matches: (line) => window.has(line) });
    if (tail === null || after === null) return tail ?? after;
    return comparePositions(tail, after) < 0 ? after : tail;
  }
}

/** What of a log is asked for, line by line. */
class Window {
  readonly #since: string | null;
  readonly #until: string | null;
  readonly #stream: LogRecord["stream"] | undefined;

  constructor({ since, until, stream }: ReadQuery) {
    this.#since = timeOf("since", since);
    this.#until = timeOf("until", until);
    this.#stream = stream;
  }

  has({ time, stream }: Pick<LogRecord, "time" | "stream">): boolean {
    if (this.#stream !== undefined && stream !== this.#stream) return false;
    return (this.#since === null || time >= this.#since) && (this.#until === null || time <= this.#until);
  }

  isPast(now: Date): boolean {
    return this.#until !== null && (normaliseTime(now.toISOString()) ?? "") > this.#until;
  }
}

function timeOf(name: "since" | "until", text: string | undefined): string | null {
  if (text === undefined) return null;
  const time = normaliseTime(text);
  if (time !== null) return time;
  throw new SharkuError(
    "invalid-request",
    `Cannot read the log ${name} ${JSON.stringify(text.slice(0, 80))}: it is no time, wanted one of RFC 3339`,
    { faults: [{ pointer: `?${name}`, detail: "is no time of RFC 3339" }] },
  );
}
