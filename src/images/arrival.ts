import type { ImagePhase, ImageProgress } from "../contract/image-progress.ts";

/** Before so long, nobody can tell how fast it comes. */
const FORETELL_MS = 500;

/** How far one archive is on its way in: counted by who takes it in, told to whoever asks. */
export class Arrival {
  readonly #elapsedMs: () => number;
  #phase: ImagePhase = "waiting";
  #totalBytes: number | null = null;
  #bytes = 0;
  #files = 0;
  #beganMs = 0;
  /** What receiving has taken in the end; null while it goes on. */
  #tookMs: number | null = null;
  #onChange: () => void = () => undefined;

  constructor(elapsedMs: () => number) {
    this.#elapsedMs = elapsedMs;
  }

  /** Calls back whenever something is another, which may be often. */
  watch(onChange: () => void): void {
    this.#onChange = onChange;
  }

  /** Its bytes begin to come; `totalBytes` is null where nobody says how many. */
  begin(totalBytes: number | null): void {
    this.#phase = "receiving";
    this.#totalBytes = totalBytes;
    this.#beganMs = this.#elapsedMs();
  }

  /** The same bytes, counted on their way; told once whoever takes them has found nothing wrong with them. */
  async *count(body: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void> {
    for await (const chunk of body) {
      this.#bytes += chunk.byteLength;
      yield chunk;
      this.#onChange();
    }
  }

  enter(phase: Exclude<ImagePhase, "waiting" | "receiving">): void {
    this.#tookMs ??= this.#elapsedMs() - this.#beganMs;
    this.#phase = phase;
    // A second try begins anew.
    if (phase === "unpacking") this.#files = 0;
    this.#onChange();
  }

  countFiles(files: number): void {
    this.#files = files;
    this.#onChange();
  }

  get progress(): ImageProgress {
    const tookMs =
      this.#tookMs ?? (this.#phase === "waiting" ? 0 : Math.max(1, this.#elapsedMs() - this.#beganMs));
    const perMs = tookMs > 0 ? this.#bytes / tookMs : 0;
    return {
      phase: this.#phase,
      bytes: this.#bytes,
      totalBytes: this.#totalBytes,
      bytesPerSecond: Math.round(perMs * 1000),
      remainingMs: this.#remainingMs(tookMs, perMs),
      files: this.#files,
    };
  }

  #remainingMs(tookMs: number, perMs: number): number | null {
    if (this.#tookMs !== null) return 0;
    if (this.#totalBytes === null || tookMs < FORETELL_MS || perMs === 0) return null;
    return Math.max(0, Math.round((this.#totalBytes - this.#bytes) / perMs));
  }
}
