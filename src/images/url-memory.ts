import { createHash } from "node:crypto";
import { mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import Type, { type Static } from "typebox";
import { Check } from "typebox/value";
import { Digest, nullable } from "../contract/words.ts";
import type { ImagesNeeds } from "./needs.ts";

/** What was last fetched from a URL, so that its server can be asked whether it has another now. */
const Memory = Type.Object({
  digest: Digest,
  etag: nullable(Type.String()),
  lastModified: nullable(Type.String()),
});
export type Memory = Static<typeof Memory>;

/** More are not kept: the files go by the age that nobody notes, which costs one fetch each. */
const MEMORIES_MAX = 10_000;

/**
 * One small file for each URL, named by the URL's sum: what is in a URL may be a secret. Losing one costs a fetch, so
 * nothing here is waited for on the disk, and no fault of the disk is anybody's but the operator's, to whom it is told.
 */
export class UrlMemory {
  readonly #dir: string;
  readonly #report: ImagesNeeds["report"];
  readonly #known = new Map<string, Memory>();

  constructor(dir: string, report: ImagesNeeds["report"]) {
    this.#dir = dir;
    this.#report = report;
  }

  /** Reads what is there, and drops what names an image that is not. */
  async load(isStored: (digest: string) => boolean): Promise<void> {
    await this.#trying("reading what was fetched by URL", async () => {
      await mkdir(this.#dir, { recursive: true, mode: 0o700 });
      for (const name of await readdir(this.#dir)) {
        const memory = await readMemory(join(this.#dir, name));
        if (memory !== null && isStored(memory.digest)) this.#known.set(name, memory);
        else await rm(join(this.#dir, name), { recursive: true, force: true });
      }
    });
  }

  find(url: string): Memory | null {
    return this.#known.get(nameOf(url)) ?? null;
  }

  async keep(url: string, memory: Memory): Promise<void> {
    const name = nameOf(url);
    this.#known.set(name, memory);
    await this.#trying("noting what was fetched by URL", async () => {
      // One that is cut off, by a loss of power or a full disk, is no JSON, and dropped.
      await writeFile(join(this.#dir, name), `${JSON.stringify(memory)}\n`, { mode: 0o600 });
      for (const old of [...this.#known.keys()].slice(0, Math.max(0, this.#known.size - MEMORIES_MAX))) {
        this.#known.delete(old);
        await rm(join(this.#dir, old), { force: true });
      }
    });
  }

  async #trying(doing: string, task: () => Promise<void>): Promise<void> {
    await task().catch((fault: unknown) => this.#report(fault, { doing }));
  }
}

function nameOf(url: string): string {
  return createHash("sha256").update(url).digest("hex");
}

async function readMemory(path: string): Promise<Memory | null> {
  try {
    const memory: unknown = JSON.parse(await readFile(path, "utf8"));
    return Check(Memory, memory) ? memory : null;
  } catch {
    return null;
  }
}
