/** Numbers to hand out, the one longest unused first, so that what is given back rests before it is used again. */
export class FifoPool {
  readonly #free: Set<number>;
  readonly #first: number;
  readonly #last: number;

  /** Hands out the integers from `first` to `last`, both included. */
  constructor(first: number, last: number) {
    this.#first = first;
    this.#last = last;
    this.#free = new Set();
    for (let number = first; number <= last; number += 1) this.#free.add(number);
  }

  get freeCount(): number {
    return this.#free.size;
  }

  /** The number longest unused, or null when none is left. */
  acquire(): number | null {
    for (const number of this.#free) {
      this.#free.delete(number);
      return number;
    }
    return null;
  }

  /** Takes this very number out; does nothing where it is taken or foreign. */
  keep(number: number): void {
    this.#free.delete(number);
  }

  /** Puts a number at the end of the row; foreign numbers and doubles are ignored. */
  release(number: number): void {
    if (number >= this.#first && number <= this.#last) this.#free.add(number);
  }
}
