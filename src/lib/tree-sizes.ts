import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { diskUsage } from "./disk-usage.ts";
import { Lane } from "./lane.ts";

/**
 * How much trees take on the disk that never change: each is counted once and remembered, in a file too where one is given;
 * to lose it costs counting again.
 */
export class TreeSizes {
  readonly #file: string | null;
  readonly #counting = new Lane();
  #sizes: Promise<Map<string, number>> | null = null;

  constructor(file: string | null) {
    this.#file = file;
  }

  /** `key` names the tree for good: another tree has another one. */
  async sizeOf(key: string, dir: string): Promise<number> {
    const known = (await this.#load()).get(key);
    if (known !== undefined) return known;
    // One after the other: a daemon that finds many of them must not have the disk to itself.
    return await this.#counting.run(async () => {
      const sizes = await this.#load();
      const again = sizes.get(key);
      if (again !== undefined) return again;
      const bytes = (await diskUsage([dir])).get(dir);
      if (bytes === undefined) return 0;
      sizes.set(key, bytes);
      await this.#keep(sizes);
      return bytes;
    });
  }

  /** Forgets those of trees that are gone. */
  async keepOnly(keys: ReadonlySet<string>): Promise<void> {
    const sizes = await this.#load();
    const gone = [...sizes.keys()].filter((key) => !keys.has(key));
    for (const key of gone) sizes.delete(key);
    if (gone.length > 0) await this.#counting.run(() => this.#keep(sizes));
  }

  #load(): Promise<Map<string, number>> {
    this.#sizes ??= this.#file === null ? Promise.resolve(new Map()) : readSizes(this.#file);
    return this.#sizes;
  }

  async #keep(sizes: ReadonlyMap<string, number>): Promise<void> {
    const file = this.#file;
    if (file === null) return;
    const made = `${file}.new`;
    const write = async () => {
      await mkdir(dirname(file), { recursive: true, mode: 0o700 });
      await writeFile(made, JSON.stringify(Object.fromEntries(sizes)), { mode: 0o600 });
      await rename(made, file);
    };
    // On a full disk they stay in memory.
    await write().catch(() => undefined);
  }
}

async function readSizes(file: string): Promise<Map<string, number>> {
  try {
    const found: unknown = JSON.parse(await readFile(file, "utf8"));
    const entries = Object.entries(typeof found === "object" && found !== null ? found : {});
    return new Map(entries.filter((entry): entry is [string, number] => Number.isSafeInteger(entry[1])));
  } catch {
    return new Map();
  }
}
