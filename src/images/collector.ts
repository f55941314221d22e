import type { CollectionFacts } from "../contract/df.ts";
import { SharkuError } from "../contract/errors.ts";
import type { Image, Pruned, PruneRequest } from "../contract/image.ts";
import { type Excess, planCollection } from "./collection.ts";
import type { ImageLimits } from "./needs.ts";
import { candidateOf, spaceExcess } from "./space.ts";

export interface CollectorNeeds {
  /** On the file system whose room it is. */
  readonly dir: string;
  readonly limits: Pick<ImageLimits, "water" | "keptMsMin">;
  readonly nowMs: () => number;
  readonly list: () => Image[];
  /** When it was last sent or fetched, in milliseconds since 1970; 0 where no one remembers. */
  readonly sentMs: (digest: string) => number;
  /** Errors: SharkuError where it is not there any more, or not free. */
  readonly remove: (digest: string) => Promise<void>;
}

const everything: Excess = { bytes: Number.POSITIVE_INFINITY, files: 0 };

/** Lets images go that nobody holds: as room is wanted, at once where the disk is full, or all of them. */
export class Collector {
  readonly #needs: CollectorNeeds;
  #making: Promise<boolean> | null = null;

  constructor(needs: CollectorNeeds) {
    this.#needs = needs;
  }

  async prune({ all = false, dryRun = false }: PruneRequest): Promise<Pruned> {
    const excess = all ? everything : await this.#excess();
    const candidates = this.#needs.list().filter((image) => all || !this.#isYoung(image));
    const removed = await this.#collect(candidates, { excess, dryRun });
    return {
      images: removed,
      unpackedBytes: removed.reduce((sum, { unpackedBytes }) => sum + unpackedBytes, 0),
      files: removed.reduce((sum, { files }) => sum + files, 0),
      dryRun,
    };
  }

  /**
   * The disk is full. At the first turn as much goes as the low mark asks for, and one at least; after that, as the
   * disk was full again, all that may go. Those who come meanwhile share the turn.
   */
  makeRoom(turn: number): Promise<boolean> {
    this.#making ??= this.#makeRoom(turn).finally(() => {
      this.#making = null;
    });
    return this.#making;
  }

  async facts(): Promise<CollectionFacts> {
    const { water, keptMsMin } = this.#needs.limits;
    const { bytes, files } = await this.#excess();
    return {
      ...{ ...water, graceMs: keptMsMin, excessBytes: bytes, excessFiles: files },
      shortage: await this.shortage(),
    };
  }

  /** Why the disk stays too full, in words; null where it has room, or will have. */
  async shortage(): Promise<string | null> {
    const excess = await this.#excess();
    if (excess.bytes === 0 && excess.files === 0) return null;
    const candidates = this.#needs.list().filter((image) => !this.#isYoung(image));
    const going = planCollection(candidates.map(candidateOf), excess);
    const left = going.reduce(
      ({ bytes, files }, image) => ({ bytes: bytes - image.bytes, files: files - image.files }),
      excess,
    );
    if (left.bytes <= 0 && left.files <= 0) return null;
    return `the disk is too full, and unused images that may go are not enough: ${this.whatStays()}`;
  }

  /** What no collection takes, and why, in words. */
  whatStays(): string {
    const images = this.#needs.list();
    const used = images.filter(({ usedBy }) => usedBy > 0);
    const pinned = images.filter((image) => image.pinned && image.usedBy === 0);
    const young = images.filter((image) => !isHeld(image) && this.#isYoung(image));
    const seconds = Math.round(this.#needs.limits.keptMsMin / 1000);
    return (
      `of ${images.length} images procs use ${used.length}, ${pinned.length} more are pinned, and ` +
      `${young.length} came or were used less than ${seconds} s ago; see sharku df and sharku image prune --all`
    );
  }

  #excess(): Promise<Excess> {
    return spaceExcess(this.#needs.dir, this.#needs.limits.water);
  }

  async #makeRoom(turn: number): Promise<boolean> {
    const { bytes, files } = await this.#excess();
    const excess = turn > 0 ? everything : { bytes: Math.max(bytes, 1), files: Math.max(files, 1) };
    const candidates = this.#needs.list().filter((image) => !this.#isYoung(image));
    return (await this.#collect(candidates, { excess, dryRun: false })).length > 0;
  }

  async #collect(
    images: readonly Image[],
    { excess, dryRun }: { excess: Excess; dryRun: boolean },
  ): Promise<Image[]> {
    const byDigest = new Map(images.map((image) => [image.digest, image]));
    const removed: Image[] = [];
    for (const { digest } of planCollection(images.map(candidateOf), excess)) {
      const image = byDigest.get(digest);
      if (image !== undefined && (dryRun || (await this.#removeFree(digest)))) removed.push(image);
    }
    return removed;
  }

  /** False where a proc has come to have it meanwhile, or it is gone. */
  #removeFree(digest: string): Promise<boolean> {
    return this.#needs.remove(digest).then(
      () => true,
      (fault: unknown) => {
        if (fault instanceof SharkuError) return false;
        throw fault;
      },
    );
  }

  #isYoung(image: Image): boolean {
    const { sentMs, nowMs, limits } = this.#needs;
    const atMs = Math.max(candidateOf(image).lastUsedMs, sentMs(image.digest));
    return atMs > nowMs() - limits.keptMsMin;
  }
}

function isHeld(image: Image): boolean {
  return image.pinned || image.usedBy > 0;
}
