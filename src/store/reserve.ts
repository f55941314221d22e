import { open, rm, stat } from "node:fs/promises";

/** More than the log needs for stopping and deleting everything. */
const RESERVE_BYTES = 16 * 1024 * 1024;
const PART = Buffer.alloc(1024 * 1024);

/**
 * A file that only takes room, to be given up when the disk is full: ending and deleting procs, which gives room
 * back, needs some itself.
 */
export class Reserve {
  readonly #file: string;
  #taking: Promise<boolean> | null = null;

  constructor(file: string) {
    this.#file = file;
  }

  /** Takes the room where it is not taken; where there is none, leaves nothing behind and answers false. */
  take(): Promise<boolean> {
    this.#taking ??= this.#take().finally(() => {
      this.#taking = null;
    });
    return this.#taking;
  }

  /** Gives the room back to the disk. Repeating it is fine. */
  async give(): Promise<void> {
    await rm(this.#file, { force: true });
  }

  async #take(): Promise<boolean> {
    const size = await stat(this.#file).then(
      (stats) => stats.size,
      () => 0,
    );
    if (size === RESERVE_BYTES) return true;
    try {
      // Written, not only made longer: a file with holes takes no room.
      await using handle = await open(this.#file, "w", 0o600);
      for (let bytes = 0; bytes < RESERVE_BYTES; bytes += PART.length) await handle.writeFile(PART);
      await handle.sync();
      return true;
    } catch {
      await this.give();
      return false;
    }
  }
}
