import type { Progress } from "../../contract/template.ts";
import type { Io } from "../io.ts";
import type { Paint } from "./colors.ts";
import { drawBar } from "./progress.ts";
import { escapeControls } from "./sanitize.ts";
import { cut, widthOf } from "./table.ts";
import { formatAge } from "./units.ts";

const REDRAW_MS = 100;
/** Where it is not redrawn, a line comes at each new phase, and after so long a time. */
const LINE_MS = 15_000;
const TITLE_WIDTH = 24;
const PHASE_WIDTH = 11;
/** Of a terminal that does not tell its own, or says 0, as those do that nobody looks at. */
const COLUMNS = 80;
/** A narrower terminal has no room for the bar. */
const BAR_COLUMNS_MIN = 80;
/** Before this much is done, nobody can tell how long the rest will take. */
const FORETELL_PERCENT = 5;
const FORETELL_MS = 2_000;
/** As the daemon says it of a build that others keep from beginning. */
const WAITING = "Waiting for its turn";
const CLEAR_LINE = "\r\u001b[K";

export interface BuildProgressOptions {
  readonly io: Pick<Io, "stderr" | "now">;
  readonly paint: Paint;
  readonly quiet: boolean;
  /** What is done, `Building py` say. */
  readonly title: string;
}

/** How far a build is, on stderr: a bar redrawn in place on a terminal, a line for each phase elsewhere. */
export class BuildProgress {
  readonly #options: BuildProgressOptions;
  readonly #startMs: number;
  #shownMs = 0;
  #phase = "";

  constructor(options: BuildProgressOptions) {
    this.#options = options;
    this.#startMs = options.io.now().getTime();
  }

  update(progress: Progress): void {
    const { io, quiet, title } = this.#options;
    const nowMs = io.now().getTime();
    const isNew = progress.phase !== this.#phase;
    // A script's words are lines of their own; the first word of its phase is ours.
    if (!quiet && !isNew && progress.phase === "running") {
      this.#print(progress);
      return;
    }
    const waitMs = io.stderr.isTTY ? REDRAW_MS : LINE_MS;
    if (quiet || (!isNew && nowMs - this.#shownMs < waitMs)) return;
    this.#shownMs = nowMs;
    this.#phase = progress.phase;
    if (io.stderr.isTTY) this.#draw(progress);
    else {
      // Waiting is no phase of its own.
      const what = progress.message === WAITING ? WAITING : progress.phase;
      const percent = progress.percent === null ? "" : `, ${progress.percent}%`;
      io.stderr.write(`${title}: ${what}${percent}\n`);
    }
  }

  #draw(progress: Progress): void {
    const { io } = this.#options;
    const elapsedMs = io.now().getTime() - this.#startMs;
    const seen = { elapsedMs, columns: io.stderr.columns || COLUMNS };
    io.stderr.write(CLEAR_LINE + drawBuildLine(this.#options, progress, seen));
  }

  /** The line stays, above the bar where there is one. */
  #print(progress: Progress): void {
    const { stderr } = this.#options.io;
    stderr.write(`${stderr.isTTY ? CLEAR_LINE : ""}${escapeControls(progress.message)}\n`);
    if (stderr.isTTY) this.#draw({ ...progress, message: "" });
  }

  finish(what: string): void {
    const { io, quiet } = this.#options;
    if (quiet) return;
    const seconds = ((io.now().getTime() - this.#startMs) / 1000).toFixed(1);
    io.stderr.write(`${io.stderr.isTTY ? CLEAR_LINE : ""}${what} (${seconds}s)\n`);
  }

  /** Leaves a clean line for an error to come. */
  clear(): void {
    if (!this.#options.quiet && this.#options.io.stderr.isTTY) this.#options.io.stderr.write(CLEAR_LINE);
  }
}

/** Pure, and never wider than the terminal, if that has 60 columns. */
export function drawBuildLine(
  { title, paint }: Pick<BuildProgressOptions, "title" | "paint">,
  { phase, percent, message }: Progress,
  { elapsedMs, columns }: { elapsedMs: number; columns: number },
): string {
  const name = cut(title, TITLE_WIDTH);
  const left = foretell(percent, elapsedMs);
  const figures = percent === null ? "" : `${`${percent}%`.padStart(4)}  `;
  const plain = `${phase.padEnd(PHASE_WIDTH)}  ${left}`;
  const hasBar = percent !== null && columns >= BAR_COLUMNS_MIN;
  const bar = hasBar ? drawBar(percent / 100, paint) : { drawn: "", width: 0 };
  const gap = hasBar ? " " : "";
  const used = widthOf(name) + 2 + bar.width + gap.length + figures.length + plain.length;
  const room = columns - 1 - used;
  const words = room > 8 ? cut(escapeControls(message), room) : "";
  return `${name}  ${bar.drawn}${gap}${figures}${plain}${paint("dim", words)}`.trimEnd();
}

function foretell(percent: number | null, elapsedMs: number): string {
  if (percent === null || percent < FORETELL_PERCENT || percent >= 100 || elapsedMs < FORETELL_MS) return "";
  return `${formatAge((elapsedMs * (100 - percent)) / percent + 999)} left  `;
}
