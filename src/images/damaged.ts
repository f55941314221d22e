import { rename } from "node:fs/promises";
import { join } from "node:path";
import type { Held, HeldItem } from "../contract/df.ts";
import { diskUsage } from "../lib/disk-usage.ts";
import type { KeyedLanes } from "../lib/keyed-lanes.ts";
import { deleteTree, syncDir } from "./image-dirs.ts";
import { readMarks } from "./marks.ts";
import type { ImagesNeeds } from "./needs.ts";

export interface DamagedNeeds extends Pick<ImagesNeeds, "users" | "report"> {
  readonly dir: string;
  /** One thing at a time of each digest. */
  readonly lanes: KeyedLanes;
  /** A place that is emptied at the start, new each time. */
  readonly goneDir: () => string;
}

/**
 * What lies where an image should and is none that this daemon can read: its image.json is gone, cut off, or of a
 * version with another shape. It takes room all the same.
 */
export class DamagedImages {
  readonly #needs: DamagedNeeds;
  readonly #digests = new Set<string>();

  constructor(needs: DamagedNeeds) {
    this.#needs = needs;
  }

  /** Takes the name of what was found; one that is no image's is not ours. */
  add(name: string): void {
    if (!/^[0-9a-f]{64}$/.test(name)) return;
    const digest = `sha256:${name}`;
    this.#digests.add(digest);
    this.#needs.report(
      new Error(`Cannot use image "${digest}": its image.json is not whole, wanted the facts of an image`),
      { image: digest },
    );
  }

  /** It has come anew, whole. */
  forget(digest: string): void {
    this.#digests.delete(digest);
  }

  /** Removes those that no proc has and nobody has pinned. To be called once it is known what procs there are. */
  async clear(): Promise<void> {
    const { dir, lanes, users, goneDir } = this.#needs;
    for (const digest of [...this.#digests])
      await lanes.run(digest, async () => {
        const place = join(dir, hexOf(digest));
        const { pinned } = await readMarks(place);
        if (!this.#digests.has(digest) || users(digest) > 0 || pinned) return;
        const gone = goneDir();
        await rename(place, gone);
        this.#digests.delete(digest);
        await syncDir(dir);
        await deleteTree(gone);
      });
  }

  async held(): Promise<Held> {
    const { dir, users } = this.#needs;
    const digests = [...this.#digests];
    const usage = await diskUsage(digests.map((digest) => join(dir, hexOf(digest))));
    const items: HeldItem[] = digests.map((digest) => ({
      ...{ name: digest, bytes: usage.get(join(dir, hexOf(digest))) ?? 0, inUse: users(digest) > 0 },
      note: "its image.json is not whole",
    }));
    return {
      ...{ kind: "damaged-images", count: items.length, freeableBytes: 0, items },
      inUse: items.filter(({ inUse }) => inUse).length,
      bytes: items.reduce((total, { bytes }) => total + bytes, 0),
    };
  }
}

function hexOf(digest: string): string {
  return digest.slice("sha256:".length);
}
