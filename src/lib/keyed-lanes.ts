import { Lane } from "./lane.ts";

/** Of one key, one thing at a time; what is under way of other keys goes on beside it. */
export class KeyedLanes {
  readonly #lanes = new Map<string, Lane>();

  async run<T>(key: string, task: () => Promise<T>): Promise<T> {
    const lane = this.#lanes.get(key) ?? new Lane();
    this.#lanes.set(key, lane);
    try {
      return await lane.run(task);
    } finally {
      if (lane.length === 0) this.#lanes.delete(key);
    }
  }
}
