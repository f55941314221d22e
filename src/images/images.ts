import { mkdir, readdir, rename } from "node:fs/promises";
import { join } from "node:path";
import type { Held } from "../contract/df.ts";
import { SharkuError } from "../contract/errors.ts";
import type {
  Image,
  ImageFiles,
  ImageFilesQuery,
  ImagePatch,
  Pruned,
  PruneRequest,
} from "../contract/image.ts";
import type { ImageProgress } from "../contract/image-progress.ts";
import { KeyedLanes } from "../lib/keyed-lanes.ts";
import { TreeSizes } from "../lib/tree-sizes.ts";
import type { ImageSource, Images, StoredImage } from "../procs/needs.ts";
import { Arrival } from "./arrival.ts";
import { Collector } from "./collector.ts";
import { DamagedImages } from "./damaged.ts";
import { toOperatingError, withRoom } from "./disk-errors.ts";
import { judgeFetchUrl } from "./fetch.ts";
import { Fetcher } from "./fetcher.ts";
import { flushFileSystem } from "./flush.ts";
import { heldImages } from "./held.ts";
import { deleteTree, isThere, makeTarget, syncDir } from "./image-dirs.ts";
import { type ImageFacts, readImageFile, writeImageFile } from "./image-file.ts";
import { listFiles } from "./list-files.ts";
import { type Marks, markPinned, markUsed, readMarks } from "./marks.ts";
import type { ImageLimits, ImagesNeeds } from "./needs.ts";
import { readProcfile } from "./read-procfile.ts";
import { openBody, otherBytes, type Received, receive } from "./receive.ts";
import { unpack } from "./unpack.ts";
import { UrlMemory } from "./url-memory.ts";

/**
 * The images: takes in the archives of apps, unpacks each once and keeps it by the digest of its bytes. It does
 * not run them, does not mount them and does not say who may bring one; unpacking itself is done by a command in
 * a sandbox that it is given.
 *
 * INVARIANTS
 * - An archive is never parsed by the daemon: it looks at the first and last bytes only, and hashes all.
 * - `<dir>/<hex>/` appears by one rename, whole and on disk; what is there is never changed again.
 * - All that is unfinished, or on its way out, lies in `<dir>/incoming/`, which is emptied at the start.
 * - Of one digest, one thing happens at a time.
 * - No name out of an archive reaches a shell, and no link in it is followed.
 */
export interface ImageRoom extends Images {
  /**
   * Takes in an archive. `isNew` is false where the very same bytes are here already.
   * Errors: `unsupported-archive`, `body-too-large`, `bad-archive`, `disk-full`, `busy`, `request-timeout`; the
   * signal's reason.
   */
  takeIn(
    stream: AsyncIterable<Uint8Array>,
    signal: AbortSignal,
    told?: TakeInTold,
  ): Promise<{ readonly image: Image; readonly isNew: boolean }>;
  /** All of them, oldest first. */
  list(): Image[];
  /** Errors: `image-not-found`. */
  get(digest: string): Image;
  /** A page of what is in it. Errors: `image-not-found`, `invalid-request` for a cursor from elsewhere. */
  files(digest: string, query: ImageFilesQuery): Promise<ImageFiles>;
  /** Errors: `image-not-found`, `image-in-use`. */
  remove(digest: string): Promise<void>;
  /** Errors: `image-not-found`. */
  patch(digest: string, patch: ImagePatch): Promise<Image>;
  /** Removes images that nobody holds: as many as make room, or all. */
  prune(request: PruneRequest): Promise<Pruned>;
  /** What the images take of the disk, and the half-taken uploads. */
  held(): Promise<Held[]>;
  /** Removes what is no whole image and no proc has. To be called once it is known what procs there are. */
  clearDamaged(): Promise<void>;
  /** When unused images go; and for others that want room on the disk. */
  readonly collector: Pick<Collector, "facts" | "makeRoom" | "shortage">;
}

/** What is known of an upload, and who wants to know how far it is. */
export interface TakeInTold {
  readonly totalBytes: number | null;
  readonly onProgress: (progress: ImageProgress) => void;
}

export interface ImagesOptions extends ImagesNeeds {
  /** Directory of the room's own; made where it is missing. */
  readonly dir: string;
  readonly limits: ImageLimits;
  /** Remembers how much each takes of the disk; where there is none, that is counted anew by each daemon. */
  readonly sizesFile?: string;
}

/** How many archives are taken in at once. */
const TAKE_INS_MAX = 8;
const INCOMING = "incoming";
const URLS = "urls";
const FILES = "files";

export async function openImages(options: ImagesOptions): Promise<ImageRoom> {
  const incomingDir = join(options.dir, INCOMING);
  await mkdir(options.dir, { recursive: true, mode: 0o700 });
  await deleteTree(incomingDir);
  await mkdir(incomingDir, { mode: 0o700 });
  const room = new ImageKeeper(options);
  await room.load();
  return room;
}

class ImageKeeper implements ImageRoom {
  readonly #options: ImagesOptions;
  readonly #images = new Map<string, ImageFacts>();
  readonly #marks = new Map<string, Marks>();
  /** When each was last sent or fetched by somebody, who is about to name it. */
  readonly #sentMs = new Map<string, number>();
  readonly #lanes = new KeyedLanes();
  readonly #urls: UrlMemory;
  readonly #fetcher: Fetcher;
  readonly collector: Collector;
  readonly #damaged: DamagedImages;
  readonly #sizes: TreeSizes;
  #takeIns = 0;

  constructor(options: ImagesOptions) {
    this.#options = options;
    this.#urls = new UrlMemory(join(options.dir, URLS), options.report);
    this.#sizes = new TreeSizes(options.sizesFile ?? null);
    this.collector = new Collector({
      ...{ dir: options.dir, limits: options.limits },
      nowMs: () => options.clock.now().getTime(),
      list: () => this.list(),
      sentMs: (digest) => this.#sentMs.get(digest) ?? 0,
      remove: (digest) => this.remove(digest),
    });
    this.#damaged = new DamagedImages({
      ...{ ...options, lanes: this.#lanes },
      goneDir: () => join(options.dir, INCOMING, options.randomId()),
    });
    this.#fetcher = new Fetcher({
      judge: options.judge,
      urls: this.#urls,
      fetchMsMax: options.limits.fetchMsMax,
      find: (digest) => (this.#images.has(digest) ? this.get(digest) : null),
      elapsedMs: () => performance.now(),
      takeIn: async (body, wanted) => (await this.#takeInBody(body, wanted)).image,
    });
  }

  async load(): Promise<void> {
    for (const hex of await readdir(this.#options.dir)) {
      const image = await readImageFile(join(this.#options.dir, hex));
      if (image?.digest !== `sha256:${hex}`) {
        this.#damaged.add(hex);
        continue;
      }
      this.#images.set(image.digest, image);
      this.#marks.set(image.digest, await readMarks(join(this.#options.dir, hex)));
    }
    await this.#urls.load((digest) => this.#images.has(digest));
  }

  find(digest: string): StoredImage | null {
    const image = this.#images.get(digest);
    if (image === undefined) return null;
    const { bytes, processes } = image;
    return { digest, bytes, processes, filesDir: join(this.#dirOf(digest), FILES) };
  }

  list(): Image[] {
    const order = (image: Image) => `${image.createdAt} ${image.digest}`;
    const images = [...this.#images.values()].map((image) => this.#view(image));
    return images.sort((a, b) => (order(a) < order(b) ? -1 : 1));
  }

  get(digest: string): Image {
    const image = this.#images.get(digest);
    if (image !== undefined) return this.#view(image);
    throw new SharkuError(
      "image-not-found",
      `Cannot find image "${digest}": it is not stored here, wanted one that is`,
    );
  }

  async files(digest: string, query: ImageFilesQuery): Promise<ImageFiles> {
    this.get(digest);
    // Removed meanwhile, it is not there, whatever was found of it or missed.
    return await listFiles(join(this.#dirOf(digest), FILES), query).finally(() => this.get(digest));
  }

  judgeUrl(url: string): string | null {
    return judgeFetchUrl(url, this.#options.judge);
  }

  progressOf(source: ImageSource): ImageProgress | null {
    return this.#fetcher.progressOf(source);
  }

  async obtain(source: ImageSource, signal: AbortSignal): Promise<StoredImage> {
    const { digest } = await this.#fetcher.obtain(source, signal);
    const image = this.find(digest);
    if (image !== null) return image;
    throw new SharkuError("image-fetch-failed", `Cannot use image "${digest}": it was removed meanwhile`);
  }

  async takeIn(
    stream: AsyncIterable<Uint8Array>,
    signal: AbortSignal,
    told: TakeInTold = { totalBytes: null, onProgress: () => undefined },
  ): Promise<{ image: Image; isNew: boolean }> {
    if (this.#takeIns >= TAKE_INS_MAX)
      throw new SharkuError(
        "busy",
        `Cannot take in the archive: ${TAKE_INS_MAX} others are being taken in, wanted fewer at once`,
      );
    this.#takeIns += 1;
    try {
      const arrival = new Arrival(() => performance.now());
      arrival.watch(() => told.onProgress(arrival.progress));
      arrival.begin(told.totalBytes);
      const body = openBody(stream, { signal, silentMsMax: this.#options.limits.uploadSilentMsMax });
      return await this.#takeInBody(body, { signal, sha256: null, arrival });
    } finally {
      this.#takeIns -= 1;
    }
  }

  /** Where a `sha256` is given, nothing is done with other bytes. */
  async #takeInBody(
    body: AsyncIterable<Uint8Array>,
    { signal, sha256, arrival }: { signal: AbortSignal; sha256: string | null; arrival: Arrival },
  ): Promise<{ image: Image; isNew: boolean }> {
    const workDir = join(this.#options.dir, INCOMING, this.#options.randomId());
    try {
      const makeRoom = (turn: number) => this.collector.makeRoom(turn);
      await withRoom(() => mkdir(workDir, { mode: 0o700 }), makeRoom).catch(toOperatingError);
      const bytesMax = this.#options.limits.uploadBytesMax;
      const file = join(workDir, "archive");
      const received = await receive(arrival.count(body), { file, bytesMax, signal, makeRoom });
      if (sha256 !== null && received.digest !== sha256) throw otherBytes(received.digest, sha256);
      return await this.#lanes.run(received.digest, async () => {
        const kept = await this.#keep(received, { workDir, signal, arrival });
        this.#sentMs.set(received.digest, this.#options.clock.now().getTime());
        return kept;
      });
    } catch (error) {
      if (error instanceof SharkuError && error.code === "disk-full")
        throw new SharkuError("disk-full", `${error.message}; ${this.collector.whatStays()}`, {
          cause: error,
        });
      throw error;
    } finally {
      await deleteTree(workDir);
    }
  }

  async remove(digest: string): Promise<void> {
    const goneDir = join(this.#options.dir, INCOMING, this.#options.randomId());
    await this.#lanes.run(digest, async () => {
      this.#assertFree(this.get(digest));
      const image = this.#images.get(digest);
      // Forgotten in the same turn as the question was asked, so that no proc can find it in between.
      this.#images.delete(digest);
      await rename(this.#dirOf(digest), goneDir).catch((error: unknown) => {
        if (image !== undefined) this.#images.set(digest, image);
        throw error;
      });
      this.#marks.delete(digest);
      this.#sentMs.delete(digest);
      // Gone by its name before the first of its files is: a loss of power brings back all of it or nothing.
      await syncDir(this.#options.dir);
    });
    await deleteTree(goneDir);
  }

  used(digest: string): void {
    const at = this.#options.clock.now();
    this.#marks.set(digest, { pinned: this.#marks.get(digest)?.pinned ?? false, lastUsedMs: at.getTime() });
    // A mark that is lost makes an image look older than it is, and does no harm to a start.
    markUsed(this.#dirOf(digest), at).catch(() => undefined);
  }

  async patch(digest: string, { pinned }: ImagePatch): Promise<Image> {
    await this.#lanes.run(digest, async () => {
      this.get(digest);
      if (pinned === undefined) return;
      await markPinned(this.#dirOf(digest), pinned).catch(toOperatingError);
      this.#marks.set(digest, { lastUsedMs: this.#marks.get(digest)?.lastUsedMs ?? null, pinned });
    });
    return this.get(digest);
  }

  prune(request: PruneRequest): Promise<Pruned> {
    return this.collector.prune(request);
  }

  async held(): Promise<Held[]> {
    const { dir } = this.#options;
    const whole = await heldImages({
      ...{ dir, sizes: this.#sizes, images: this.list(), incomingDir: join(dir, INCOMING) },
      dirOf: (digest) => this.#dirOf(digest),
    });
    return [...whole, await this.#damaged.held()];
  }

  async clearDamaged(): Promise<void> {
    await this.#damaged.clear();
  }

  #assertFree({ digest, usedBy, pinned }: Image): void {
    if (usedBy === 0 && !pinned) return;
    const why =
      usedBy > 0
        ? `${usedBy === 1 ? "a proc uses" : `${usedBy} procs use`} it, wanted all its procs deleted first`
        : "it is pinned, wanted it let go first";
    throw new SharkuError("image-in-use", `Cannot remove image "${digest}": ${why}`);
  }

  #view(facts: ImageFacts): Image {
    const { lastUsedMs = null, pinned = false } = this.#marks.get(facts.digest) ?? {};
    const lastUsedAt = lastUsedMs === null ? null : new Date(lastUsedMs).toISOString();
    return { ...facts, lastUsedAt, usedBy: this.#options.users(facts.digest), pinned };
  }

  async #keep(
    received: Received,
    { workDir, signal, arrival }: { workDir: string; signal: AbortSignal; arrival: Arrival },
  ): Promise<{ image: Image; isNew: boolean }> {
    signal.throwIfAborted();
    const known = this.#images.get(received.digest);
    if (known !== undefined) return { image: this.#view(known), isNew: false };
    const madeDir = join(workDir, "image");
    const found = await withRoom(
      () => this.#unpack(received, { workDir, madeDir, signal, arrival }),
      // A disk that turns out to be full when it is flushed leaves no archive to try again with.
      async (turn) => (await isThere(join(workDir, "archive"))) && (await this.collector.makeRoom(turn)),
    );
    arrival.enter("storing");
    const image: ImageFacts = {
      digest: received.digest,
      bytes: received.bytes,
      unpackedBytes: found.bytes,
      files: found.files,
      processes: await readProcfile(join(madeDir, FILES)),
      createdAt: this.#options.clock.now().toISOString(),
    };
    await writeImageFile(madeDir, image).catch(toOperatingError);
    await this.#publish(madeDir, { image, leftoverDir: join(workDir, "leftover") });
    return { image: this.#view(image), isNew: true };
  }

  async #unpack(
    received: Received,
    {
      workDir,
      madeDir,
      signal,
      arrival,
    }: Record<"workDir" | "madeDir", string> & {
      signal: AbortSignal;
      arrival: Arrival;
    },
  ): Promise<{ files: number; bytes: number }> {
    arrival.enter("unpacking");
    // What an earlier try has left, which found the disk full.
    await deleteTree(madeDir);
    const targetDir = join(madeDir, FILES);
    await makeTarget(targetDir).catch(toOperatingError);
    const { sandbox, limits, randomId } = this.#options;
    return await unpack({
      ...received,
      ...{ sandbox, limits, targetDir, signal },
      jobId: randomId(),
      archive: join(workDir, "archive"),
      onFiles: (files) => arrival.countFiles(files),
      finalDir: join(this.#dirOf(received.digest), FILES),
    });
  }

  async #publish(
    madeDir: string,
    { image, leftoverDir }: { image: ImageFacts; leftoverDir: string },
  ): Promise<void> {
    const dir = this.#dirOf(image.digest);
    // Every file of it is on disk before its name is.
    await flushFileSystem(madeDir).catch(toOperatingError);
    // What stands there is no whole image, or it would be known.
    await rename(dir, leftoverDir).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== "ENOENT") throw error;
    });
    await rename(madeDir, dir);
    await syncDir(this.#options.dir);
    this.#images.set(image.digest, image);
    this.#damaged.forget(image.digest);
    // Counted while nobody waits for it; whoever asks before counts it then.
    this.#sizes.sizeOf(image.digest, join(dir, FILES)).catch(() => undefined);
  }

  #dirOf(digest: string): string {
    return join(this.#options.dir, digest.slice("sha256:".length));
  }
}
