/**
 * So many at once, the others in the order they came; and nobody blocks while it waits: who gets no turn is
 * called when it has one.
 */
export class Turns<T extends object> {
  readonly #width: number;
  readonly #call: (waiting: T) => void;
  readonly #waiting = new Set<T>();
  /** Those that have a turn, whether they have begun with it or have just been called. */
  readonly #having = new Set<T>();
  #isClosed = false;

  /** `call` tells one that its turn has come; it takes it by `take`, or lets it go by `leave`. */
  constructor(width: number, call: (waiting: T) => void) {
    this.#width = width;
    this.#call = call;
  }

  /** True where it is its turn now; otherwise it waits in the row, and will be called. */
  take(one: T): boolean {
    if (this.#isClosed) return false;
    if (this.#having.has(one)) return true;
    if (this.#having.size >= this.#width) {
      this.#waiting.add(one);
      return false;
    }
    this.#having.add(one);
    return true;
  }

  /** From now on nobody begins. */
  close(): void {
    this.#isClosed = true;
  }

  /** Gives its turn to the next in the row, and its place in the row up. Repeating it is fine. */
  leave(one: T): void {
    this.#waiting.delete(one);
    if (!this.#having.delete(one)) return;
    for (const next of this.#waiting) {
      this.#waiting.delete(next);
      this.#having.add(next);
      this.#call(next);
      return;
    }
  }
}
