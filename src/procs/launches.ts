import { Turns } from "../lib/turns.ts";
import type { Life } from "./life.ts";

/** How many runs are launched at once by one runtime; more would only make each other slow. */
const AT_ONCE = 8;

/** The turns of the launches: each runtime has its own, so that one that hangs holds up those of no other. */
export class Launches {
  readonly #call: (waiting: Life) => void;
  readonly #turns = new Map<string, Turns<Life>>();
  #isClosed = false;

  /** `call` goes on with one whose turn has come. */
  constructor(call: (waiting: Life) => void) {
    this.#call = call;
  }

  /** True where it is its turn now; otherwise it waits in the row of its runtime, and will be called. */
  take(life: Life, runtime: string): boolean {
    if (this.#isClosed) return false;
    const turns = this.#turns.get(runtime) ?? new Turns<Life>(AT_ONCE, this.#call);
    this.#turns.set(runtime, turns);
    return turns.take(life);
  }

  /** Gives its turn, or its place in the row, up. Repeating it is fine. */
  leave(life: Life): void {
    for (const turns of this.#turns.values()) turns.leave(life);
  }

  /** From now on nobody begins. */
  close(): void {
    this.#isClosed = true;
    for (const turns of this.#turns.values()) turns.close();
  }
}
