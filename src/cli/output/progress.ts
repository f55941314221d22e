import type { Io } from "../io.ts";
import type { Paint } from "./colors.ts";
import { formatAge, formatSize } from "./units.ts";

const REDRAW_MS = 100;
const BAR_WIDTH = 20;
const CLEAR_LINE = "\r\u001b[K";

export interface ProgressOptions {
  readonly io: Pick<Io, "stderr" | "now">;
  readonly paint: Paint;
  readonly quiet: boolean;
  /** What is done, `Sending guestbook` say. */
  readonly title: string;
  /** How many bytes there will be, as far as known. */
  readonly totalBytes: number | null;
}

/** How far an upload is, on stderr: a bar redrawn in place on a terminal, a line at either end elsewhere. */
export class Progress {
  readonly #options: ProgressOptions;
  readonly #startMs: number;
  #drawnMs = 0;
  #sentBytes = 0;

  constructor(options: ProgressOptions) {
    this.#options = options;
    this.#startMs = options.io.now().getTime();
    if (options.quiet || options.io.stderr.isTTY) return;
    const total = options.totalBytes === null ? "" : ` (about ${formatSize(options.totalBytes)})`;
    options.io.stderr.write(`${options.title}${total}\n`);
  }

  update(sentBytes: number): void {
    this.#sentBytes = sentBytes;
    const { io, quiet } = this.#options;
    const nowMs = io.now().getTime();
    if (quiet || !io.stderr.isTTY || nowMs - this.#drawnMs < REDRAW_MS) return;
    this.#drawnMs = nowMs;
    const text = drawLine(this.#options, { sentBytes, elapsedMs: nowMs - this.#startMs });
    io.stderr.write(CLEAR_LINE + text);
  }

  /** Says what is awaited now, in the bar's place; the bar stays where there is nothing to say. */
  say(text: string): void {
    const { io, quiet, paint } = this.#options;
    if (text !== "" && !quiet && io.stderr.isTTY) io.stderr.write(CLEAR_LINE + paint("dim", text));
  }

  /** Ends with a line about the whole; `what` follows the figures. */
  finish(what: string): void {
    const { io, quiet } = this.#options;
    if (quiet) return;
    const elapsedMs = io.now().getTime() - this.#startMs;
    const figures = `${formatSize(this.#sentBytes)} in ${(elapsedMs / 1000).toFixed(1)}s`;
    io.stderr.write(`${io.stderr.isTTY ? CLEAR_LINE : ""}${what} (${figures})\n`);
  }

  /** Leaves a clean line for an error to come. */
  clear(): void {
    if (!this.#options.quiet && this.#options.io.stderr.isTTY) this.#options.io.stderr.write(CLEAR_LINE);
  }
}

/** The part that is done, and the rest; colours take no width. */
export function drawBar(share: number, paint: Paint): { readonly drawn: string; readonly width: number } {
  const filled = Math.round(share * BAR_WIDTH);
  const drawn = paint("green", "━".repeat(filled)) + paint("dim", "─".repeat(BAR_WIDTH - filled));
  return { drawn, width: BAR_WIDTH };
}

/** Pure, and never wider than 80 columns with a title of up to 24. */
export function drawLine(
  options: Pick<ProgressOptions, "title" | "totalBytes" | "paint">,
  seen: { sentBytes: number; elapsedMs: number },
): string {
  const { sentBytes, elapsedMs } = seen;
  const bytesPerMs = elapsedMs > 0 ? sentBytes / elapsedMs : 0;
  const rate = `${formatSize(bytesPerMs * 1000)}/s`;
  const title = options.title.length > 24 ? `${options.title.slice(0, 23)}…` : options.title;
  if (options.totalBytes === null || options.totalBytes === 0)
    return `${title}  ${formatSize(sentBytes)}  ${rate}`;
  const share = Math.min(1, sentBytes / options.totalBytes);
  const { drawn: bar } = drawBar(share, options.paint);
  const leftMs = bytesPerMs > 0 ? (options.totalBytes - sentBytes) / bytesPerMs : 0;
  const left = leftMs > 0 ? `  ${formatAge(leftMs + 999)} left` : "";
  const percent = `${Math.floor(share * 100)}%`.padStart(4);
  return `${title}  ${bar} ${percent}  ${formatSize(sentBytes)}  ${rate}${left}`;
}
