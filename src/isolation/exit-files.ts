import { watch } from "node:fs";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";

/** The files in which supervisors leave exit codes: named by the container, written by one rename. */
export class ExitFiles {
  readonly #dir: string;

  constructor(dir: string) {
    this.#dir = dir;
  }

  /** Null where there is none yet. */
  async read(containerId: string): Promise<number | null> {
    const text = await readFile(join(this.#dir, containerId), "utf8").catch(() => "");
    return /^\d+$/.test(text.trim()) ? Number(text) : null;
  }

  async list(): Promise<string[]> {
    return await readdir(this.#dir);
  }

  /** Names each file that appears. Returns what ends the watch. */
  watch(listener: (containerId: string) => void): () => void {
    const watcher = watch(this.#dir, (_event, name) => {
      if (name !== null && !name.includes(".")) listener(name);
    });
    return () => watcher.close();
  }
}
