import { type FileHandle, open, statfs } from "node:fs/promises";
import type { DiskFigures } from "../../contract/stats.ts";
import { Lane } from "../../lib/lane.ts";
import { takenBy } from "./taken.ts";

/** How often the disks are looked at, in milliseconds. */
const LOOK_MS = 2_000;

/** Full is what has less left than this part of it, in bytes or in files. */
const FULL_LEFT = 0.01;

/** What was full has room again when this part is free. */
const ROOM_LEFT = 0.1;

/**
 * How many are closed at once. Whoever closes a disk last unmounts it, which takes a thread of Node's as long as it
 * takes the kernel to put away what the app wrote.
 */
const CLOSERS = 2;

export interface FullDisksNeeds {
  /** Whether the host's own disk is full, so that no image can grow, whatever room is in it. */
  readonly hostIsFull: () => Promise<boolean>;
  readonly report: (fault: unknown, context: Record<string, unknown>) => void;
}

interface Watched {
  readonly handle: FileHandle;
  isFull: boolean;
}

/**
 * Looks whether disks are full. It keeps a directory of each open, so that the last look, after the end of the run,
 * finds it as the run has left it.
 */
export class FullDisks {
  readonly #watched = new Map<string, Watched>();
  readonly #ended = new Map<string, boolean>();
  readonly #closers = Array.from({ length: CLOSERS }, () => new Lane());
  readonly #needs: FullDisksNeeds;
  #timer: NodeJS.Timeout | null = null;
  #isLooking = false;

  constructor(needs: FullDisksNeeds) {
    this.#needs = needs;
  }

  has(runId: string): boolean {
    return this.#watched.has(runId) || this.#ended.has(runId);
  }

  /** `dir` lies on the run's disk. Does nothing where the run is watched already. */
  async add(runId: string, dir: string): Promise<void> {
    if (this.has(runId)) return;
    const handle = await open(dir, "r");
    if (this.has(runId)) await handle.close();
    else this.#watched.set(runId, { handle, isFull: false });
  }

  /** Names each run when its disk has become full. */
  watch(listener: (runId: string) => void): void {
    const look = async () => {
      // On a host that is slow to answer, the looks do not pile up.
      if (this.#isLooking) return;
      this.#isLooking = true;
      await this.#lookAtAll(listener).finally(() => {
        this.#isLooking = false;
      });
    };
    this.#timer = setInterval(() => void look(), LOOK_MS);
    this.#timer.unref();
  }

  close(): void {
    if (this.#timer !== null) clearInterval(this.#timer);
    for (const runId of [...this.#watched.keys()]) this.forget(runId);
  }

  /** The run has ended: whether its disk is full. Asked again, it says the same. */
  async lastLook(runId: string): Promise<boolean> {
    const watched = this.#watched.get(runId);
    if (watched === undefined) return this.#ended.get(runId) ?? false;
    const left = await leftOn(watched.handle).catch(() => 1);
    const isFull = left < FULL_LEFT || (await this.#needs.hostIsFull().catch(() => false));
    this.#ended.set(runId, isFull);
    this.#letGo(runId, watched);
    return isFull;
  }

  /** How much each disk that is watched has taken, by its run. */
  async held(): Promise<Map<string, number>> {
    const found = await Promise.all(
      [...this.#watched].map(async ([runId, { handle }]) => {
        const bytes = await takenBy(`/proc/self/fd/${handle.fd}`).catch(() => null);
        return bytes === null ? [] : [[runId, bytes] as const];
      }),
    );
    return new Map(found.flat());
  }

  /** What is on it; null where the run has no disk that is watched. */
  async figures(runId: string): Promise<DiskFigures | null> {
    const watched = this.#watched.get(runId);
    if (watched === undefined) return null;
    const seen = await statfs(`/proc/self/fd/${watched.handle.fd}`).catch(() => null);
    if (seen === null) return null;
    return {
      usedBytes: (seen.blocks - seen.bfree) * seen.bsize,
      limitBytes: (seen.blocks - seen.bfree + seen.bavail) * seen.bsize,
      usedFiles: seen.files - seen.ffree,
      limitFiles: seen.files,
    };
  }

  /** Repeating it is fine. */
  forget(runId: string): void {
    const watched = this.#watched.get(runId);
    if (watched !== undefined) this.#letGo(runId, watched);
    this.#ended.delete(runId);
  }

  #letGo(runId: string, { handle }: Watched): void {
    if (!this.#watched.delete(runId)) return;
    const [first = new Lane(), ...others] = this.#closers;
    const lane = others.reduce((least, one) => (one.length < least.length ? one : least), first);
    lane.run(() => handle.close()).catch((fault: unknown) => this.#needs.report(fault, { runId }));
  }

  async #lookAtAll(listener: (runId: string) => void): Promise<void> {
    const most = (await this.#needs.hostIsFull().catch(() => false)) ? 0 : 1;
    for (const [runId, watched] of [...this.#watched]) {
      const left = await leftOn(watched.handle).then(
        (own) => Math.min(own, most),
        () => null,
      );
      if (left === null || !this.#watched.has(runId)) continue;
      if (left < FULL_LEFT && !watched.isFull) listener(runId);
      if (left < FULL_LEFT) watched.isFull = true;
      else if (left > ROOM_LEFT) watched.isFull = false;
    }
  }
}

/** The part that is left, of bytes or of files, whichever is less. */
async function leftOn(handle: FileHandle): Promise<number> {
  const { bavail, blocks, ffree, files } = await statfs(`/proc/self/fd/${handle.fd}`);
  return Math.min(bavail / Math.max(blocks, 1), ffree / Math.max(files, 1));
}
