import { type FSWatcher, watch } from "node:fs";

/** The least time between two looks, so that a flood of lines is read in big pieces. */
const PAUSE_MS = 20;
/** How long a wait lasts where nothing is told: the kernel's notice may be missing or have come too early. */
const RECHECK_MS = 1000;
/** How often `ended` is asked meanwhile. */
const ASK_MS = 100;

export interface ChangesOptions {
  readonly sleep: (ms: number, signal?: AbortSignal) => Promise<void>;
  readonly ended: () => boolean;
  readonly signal: AbortSignal;
}

/** Waits for a directory or a file in it to change. */
export class Changes {
  readonly #dir: string;
  readonly #options: ChangesOptions;
  #watcher: FSWatcher | null = null;
  #changed = false;
  #wake: () => void = () => undefined;

  constructor(dir: string, options: ChangesOptions) {
    this.#dir = dir;
    this.#options = options;
    options.signal.addEventListener("abort", this.close);
    this.#watch();
  }

  /** Returns after something has changed since the last call, or might have, or when the signal aborts. */
  async wait(): Promise<void> {
    this.#watch();
    const { ended, signal } = this.#options;
    await this.#sleep(PAUSE_MS);
    for (let waited = 0; waited < RECHECK_MS; waited += ASK_MS)
      if (this.#changed || ended() || signal.aborted) break;
      else await this.#sleepOrChange(ASK_MS);
    this.#changed = false;
  }

  readonly close = (): void => {
    this.#options.signal.removeEventListener("abort", this.close);
    this.#watcher?.close();
    this.#watcher = null;
    this.#wake();
  };

  #watch(): void {
    if (this.#watcher !== null || this.#options.signal.aborted) return;
    try {
      this.#watcher = watch(this.#dir, { persistent: false }, () => {
        this.#changed = true;
        this.#wake();
      });
      // The directory is gone, say: the next look tells.
      this.#watcher.on("error", () => {
        this.#watcher?.close();
        this.#watcher = null;
      });
    } catch {
      // There is no directory yet, or no watch to be had: looking again at times does it as well.
    }
  }

  async #sleepOrChange(ms: number): Promise<void> {
    const over = new AbortController();
    const change = new Promise<void>((resolve) => {
      this.#wake = resolve;
    });
    await Promise.race([change, this.#sleep(ms, over.signal)]);
    over.abort();
  }

  async #sleep(ms: number, over?: AbortSignal): Promise<void> {
    const { sleep, signal } = this.#options;
    await sleep(ms, over ? AbortSignal.any([over, signal]) : signal).catch(() => undefined);
  }
}
