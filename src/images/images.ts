import { chown, constants, mkdir, open, readdir, rename } from "node:fs/promises";
import { join } from "node:path";
import { SharkuError } from "../contract/errors.ts";
import type { Image } from "../contract/image.ts";
import { Lane } from "../lib/lane.ts";
import { runCommand } from "../lib/run-command.ts";
import type { ImageSource, Images, StoredImage } from "../procs/needs.ts";
import { toOperatingError } from "./disk-errors.ts";
import { judgeFetchUrl } from "./fetch.ts";
import { Fetcher } from "./fetcher.ts";
import { readImageFile, writeImageFile } from "./image-file.ts";
import type { ImageLimits, ImagesNeeds } from "./needs.ts";
import { readProcfile } from "./read-procfile.ts";
import { openBody, type Received, receive } from "./receive.ts";
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
   * Errors: `unsupported-archive`, `body-too-large`, `bad-archive`, `disk-full`, `busy`; the signal's reason.
   */
  takeIn(
    stream: AsyncIterable<Uint8Array>,
    signal: AbortSignal,
  ): Promise<{ readonly image: Image; readonly isNew: boolean }>;
  /** All of them, oldest first. */
  list(): Image[];
  /** Errors: `image-not-found`. */
  get(digest: string): Image;
  /** Errors: `image-not-found`, `image-in-use`. */
  remove(digest: string): Promise<void>;
}

export interface ImagesOptions extends ImagesNeeds {
  /** Directory of the room's own; made where it is missing. */
  readonly dir: string;
  readonly limits: ImageLimits;
}

/** How many archives are taken in at once. */
const TAKE_INS_MAX = 8;
const INCOMING = "incoming";
const URLS = "urls";
/** Whom the files in a container's /app belong to. */
const APP_UID = 1000;

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
  readonly #images = new Map<string, Image>();
  readonly #lanes = new Map<string, Lane>();
  readonly #urls: UrlMemory;
  readonly #fetcher: Fetcher;
  #takeIns = 0;

  constructor(options: ImagesOptions) {
    this.#options = options;
    this.#urls = new UrlMemory(join(options.dir, URLS));
    this.#fetcher = new Fetcher({
      judge: options.judge,
      urls: this.#urls,
      fetchMsMax: options.limits.fetchMsMax,
      find: (digest) => this.#images.get(digest) ?? null,
      takeIn: async (body, { signal, sha256 }) => (await this.#takeInBody(body, { signal, sha256 })).image,
    });
  }

  async load(): Promise<void> {
    for (const hex of await readdir(this.#options.dir)) {
      const image =
        hex === INCOMING || hex === URLS ? null : await readImageFile(join(this.#options.dir, hex));
      if (image?.digest === `sha256:${hex}`) this.#images.set(image.digest, image);
    }
    await this.#urls.load((digest) => this.#images.has(digest));
  }

  find(digest: string): StoredImage | null {
    const image = this.#images.get(digest);
    if (image === undefined) return null;
    const { bytes, processes } = image;
    return { digest, bytes, processes, filesDir: join(this.#dirOf(digest), "files") };
  }

  list(): Image[] {
    const order = (image: Image) => `${image.createdAt} ${image.digest}`;
    return [...this.#images.values()].sort((a, b) => (order(a) < order(b) ? -1 : 1));
  }

  get(digest: string): Image {
    const image = this.#images.get(digest);
    if (image !== undefined) return image;
    throw new SharkuError(
      "image-not-found",
      `Cannot find image "${digest}": it is not stored here, wanted one that is`,
    );
  }

  judgeUrl(url: string): string | null {
    return judgeFetchUrl(url);
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
  ): Promise<{ image: Image; isNew: boolean }> {
    if (this.#takeIns >= TAKE_INS_MAX)
      throw new SharkuError(
        "busy",
        `Cannot take in the archive: ${TAKE_INS_MAX} others are being taken in, wanted fewer at once`,
      );
    this.#takeIns += 1;
    try {
      return await this.#takeInBody(openBody(stream, signal), { signal, sha256: null });
    } finally {
      this.#takeIns -= 1;
    }
  }

  /** Where a `sha256` is given, nothing is done with other bytes. */
  async #takeInBody(
    body: AsyncIterable<Uint8Array>,
    { signal, sha256 }: { signal: AbortSignal; sha256: string | null },
  ): Promise<{ image: Image; isNew: boolean }> {
    const jobId = this.#options.randomId();
    const workDir = join(this.#options.dir, INCOMING, jobId);
    try {
      await mkdir(workDir, { mode: 0o700 }).catch(toOperatingError);
      const bytesMax = this.#options.limits.uploadBytesMax;
      const received = await receive(body, { file: join(workDir, "archive"), bytesMax, signal });
      if (sha256 !== null && received.digest !== sha256) throw otherBytes(received.digest, sha256);
      return await this.#oneAtATime(received.digest, () => this.#keep(received, { jobId, workDir, signal }));
    } finally {
      await deleteTree(workDir);
    }
  }

  async remove(digest: string): Promise<void> {
    const goneDir = join(this.#options.dir, INCOMING, this.#options.randomId());
    await this.#oneAtATime(digest, async () => {
      const image = this.get(digest);
      if (this.#options.inUse(digest))
        throw new SharkuError(
          "image-in-use",
          `Cannot remove image "${digest}": a proc uses it, wanted all its procs deleted first`,
        );
      // Forgotten in the same turn as the question was asked, so that no proc can find it in between.
      this.#images.delete(digest);
      await rename(this.#dirOf(digest), goneDir).catch((error: unknown) => {
        this.#images.set(digest, image);
        throw error;
      });
    });
    await deleteTree(goneDir);
  }

  async #keep(
    received: Received,
    { jobId, workDir, signal }: { jobId: string; workDir: string; signal: AbortSignal },
  ): Promise<{ image: Image; isNew: boolean }> {
    signal.throwIfAborted();
    const known = this.#images.get(received.digest);
    if (known !== undefined) return { image: known, isNew: false };
    const madeDir = join(workDir, "image");
    const targetDir = join(madeDir, "files");
    await makeTarget(targetDir).catch(toOperatingError);
    const { sandbox, limits } = this.#options;
    const archive = join(workDir, "archive");
    const { files, bytes } = await unpack({
      ...received,
      sandbox,
      limits,
      jobId,
      archive,
      targetDir,
      signal,
    });
    const image: Image = {
      digest: received.digest,
      bytes: received.bytes,
      unpackedBytes: bytes,
      files,
      processes: await readProcfile(targetDir),
      createdAt: this.#options.clock.now().toISOString(),
    };
    await writeImageFile(madeDir, image).catch(toOperatingError);
    await this.#publish(madeDir, { image, leftoverDir: join(workDir, "leftover") });
    return { image, isNew: true };
  }

  async #publish(
    madeDir: string,
    { image, leftoverDir }: { image: Image; leftoverDir: string },
  ): Promise<void> {
    const dir = this.#dirOf(image.digest);
    // Every file of it is on disk before its name is; sync(1) flushes that one filesystem.
    await runCommand(["sync", "--file-system", madeDir]).catch(toOperatingError);
    // What stands there is no whole image, or it would be known.
    await rename(dir, leftoverDir).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== "ENOENT") throw error;
    });
    await rename(madeDir, dir);
    await syncDir(this.#options.dir);
    this.#images.set(image.digest, image);
  }

  async #oneAtATime<T>(digest: string, task: () => Promise<T>): Promise<T> {
    const lane = this.#lanes.get(digest) ?? new Lane();
    this.#lanes.set(digest, lane);
    try {
      return await lane.run(task);
    } finally {
      if (lane.length === 0) this.#lanes.delete(digest);
    }
  }

  #dirOf(digest: string): string {
    return join(this.#options.dir, digest.slice("sha256:".length));
  }
}

function otherBytes(found: string, wanted: string): SharkuError {
  return new SharkuError("bad-archive", `Cannot take in the archive: its sum is ${found}, wanted ${wanted}`);
}

async function makeTarget(dir: string): Promise<void> {
  await mkdir(dir, { recursive: true, mode: 0o700 });
  // Only root has other users to give it to: the tests run as anybody.
  if (process.getuid?.() === 0) await chown(dir, APP_UID, APP_UID);
}

async function syncDir(dir: string): Promise<void> {
  const handle = await open(dir, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** By rm(1), which goes down step by step: a tree of strangers may be deeper than a path can be long. */
async function deleteTree(dir: string): Promise<void> {
  await runCommand(["rm", "-rf", "--one-file-system", "--", dir]);
}
