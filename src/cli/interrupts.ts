import type { Io } from "./io.ts";

/** Ctrl-C, for a command that has something to put in order first. While it is held, none ends the process. */
export class Interrupts implements Disposable {
  readonly #release: () => void;
  #count = 0;
  #handler: (count: number) => void = () => undefined;

  constructor(io: Pick<Io, "onInterrupt">) {
    this.#release = io.onInterrupt(() => {
      this.#count += 1;
      this.#handler(this.#count);
    });
  }

  get count(): number {
    return this.#count;
  }

  /** From now on this is called, with how many there have been; those before are not told again. */
  handle(handler: (count: number) => void): void {
    this.#handler = handler;
  }

  [Symbol.dispose](): void {
    this.#release();
  }
}
