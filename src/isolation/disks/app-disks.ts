import { chown, mkdir, stat, statfs } from "node:fs/promises";
import { join } from "node:path";
import type { DiskFigures } from "../../contract/stats.ts";
import { type Launch, launchPlainly } from "../conmon.ts";
import { DiskMaker } from "./disk-maker.ts";
import { FullDisks } from "./full-disks.ts";
import { type HeldDisk, seenBy } from "./held-disk.ts";
import { SpareDisks } from "./spare-disks.ts";
import { takenBy } from "./taken.ts";

/** What a trial needs: the smallest limit that a proc may ask for. */
const TRIAL_BYTES = 4 * 1024 * 1024;

/**
 * Kept of the host's disk for what runs already: an image has holes, and what the app writes into one that the host
 * cannot fill is lost. A small disk keeps a twentieth of itself.
 */
const KEPT_BYTES = 256 * 1024 * 1024;
const KEPT_PART = 0.05;

/** Less than this part of what is kept is nothing: apps lose what they write. */
const FULL_PART = 1 / 16;

/** How much of a disk of that size is kept for what runs already. */
export function keptOfDisk(totalBytes: number): number {
  return Math.min(KEPT_BYTES, totalBytes * KEPT_PART);
}

/** What bounds an /app: an image of its own, or nothing, and why that is so. */
export interface DiskKind {
  readonly kind: "image" | "none";
  readonly reason: string;
}

/** Where what a run writes to /app goes. */
export interface AppPlace {
  readonly upperDir: string;
  readonly workDir: string;
  /** What a command line begins with to find these. */
  readonly enterArgv: readonly string[];
  /** Starts the run's supervisor where it finds these. */
  readonly launch: Launch;
}

export interface AppDisksNeeds {
  readonly dir: string;
  readonly usualBytes: number;
  /** Lets go what is free to go of the host's disk, as for others that want room there. */
  readonly makeRoom: () => Promise<unknown>;
  /** Another one in each daemon, too; fit for the name of a file. */
  readonly randomId: () => string;
  readonly report: (fault: unknown, context: Record<string, unknown>) => void;
}

/** No disk could be had. Its code is one of the system's, as those who judge failed starts know them. */
class NoDiskError extends Error {
  override readonly name = "NoDiskError";
  readonly code: "ENOSPC" | "EAGAIN";

  constructor(code: "ENOSPC" | "EAGAIN", message: string, cause?: unknown) {
    super(message, { cause });
    this.code = code;
  }
}

/**
 * The writable part of each /app, bounded in bytes and files where this host can: by an image of its own, mounted in
 * a mount namespace of its own.
 */
export class AppDisks {
  readonly #dir: string;
  readonly #makeRoom: () => Promise<unknown>;
  readonly #maker: DiskMaker;
  readonly #spares: SpareDisks<HeldDisk>;
  readonly #full: FullDisks;
  /** Those whose container does not stand yet, so that only the holder keeps them. */
  readonly #held = new Map<string, HeldDisk>();
  #kind: DiskKind = { kind: "none", reason: "not tried yet" };

  constructor({ dir, usualBytes, makeRoom, randomId, report }: AppDisksNeeds) {
    this.#dir = dir;
    this.#makeRoom = makeRoom;
    this.#maker = new DiskMaker(dir, randomId);
    this.#full = new FullDisks({
      report,
      hostIsFull: async () => {
        const { left, kept } = await this.#hostDisk();
        return left < kept * FULL_PART;
      },
    });
    this.#spares = new SpareDisks({
      ...{ usualBytes, report },
      make: (bytes) => this.#maker.make(bytes),
      hasRoom: async () => (await this.#lacking()) === null,
    });
  }

  get kind(): DiskKind {
    return this.#kind;
  }

  /** Tries whether this host can, and begins to make disks ahead where it can. */
  async open(): Promise<void> {
    try {
      await this.#maker.open();
      (await this.#maker.make(TRIAL_BYTES)).letGo();
      this.#kind = { kind: "image", reason: "each on a disk image of its own, by loop devices" };
      this.#spares.open();
    } catch (fault) {
      this.#kind = { kind: "none", reason: fault instanceof Error ? fault.message : String(fault) };
    }
  }

  close(): void {
    this.#spares.close();
    this.#full.close();
    for (const disk of this.#held.values()) disk.letGo();
  }

  /**
   * Two directories, the upper one the app's; in `plainDir` where this host bounds nothing.
   * Errors: NoDiskError.
   */
  async take(run: { runId: string; hostId: number; appBytes: number; plainDir: string }): Promise<AppPlace> {
    const { runId, hostId, appBytes, plainDir } = run;
    if ((await this.#lacking()) !== null) await this.#makeRoom();
    const lacking = await this.#lacking();
    if (lacking !== null) throw new NoDiskError("ENOSPC", `Cannot start: ${lacking}`);
    if (this.#kind.kind === "none") return await plainPlace(plainDir, hostId);
    const disk = await this.#spares.take(appBytes).catch((cause: Error) => {
      throw new NoDiskError("EAGAIN", cause.message, cause);
    });
    this.#held.set(runId, disk);
    await this.#full.add(runId, disk.dir);
    const place = placeOn(disk.dir);
    await Promise.all([chown(place.upperDir, hostId + 1, hostId + 1), chown(place.workDir, hostId, hostId)]);
    return { ...placeOn(this.#maker.mountpoint), enterArgv: disk.enterArgv, launch: disk.launch };
  }

  /** The run's supervisor has answered: from now on the two stay together without us. */
  settle(runId: string): void {
    this.#held.delete(runId);
  }

  /** A run was found whose supervisor has that pid: watches its disk, where it has one. */
  async found(runId: string, supervisorPid: number): Promise<void> {
    if (this.#full.has(runId)) return;
    const dir = seenBy(supervisorPid, this.#maker.mountpoint);
    const [seen, ours] = await Promise.all([stat(dir), stat(this.#dir)]).catch(() => []);
    if (seen !== undefined && seen.dev !== ours?.dev) await this.#full.add(runId, dir);
  }

  /** The run has ended: whether its disk was full then. */
  async wasFull(runId: string): Promise<boolean> {
    return await this.#full.lastLook(runId);
  }

  /** What the run has written to its disk; null where nothing bounds it. */
  async figures(runId: string): Promise<DiskFigures | null> {
    return await this.#full.figures(runId);
  }

  /** Repeating it is fine. */
  release(runId: string): void {
    this.#held.get(runId)?.letGo();
    this.#held.delete(runId);
    this.#full.forget(runId);
  }

  /** What the disks of runs have taken, by the run, and each spare one. */
  async held(): Promise<{ readonly runs: ReadonlyMap<string, number>; readonly spares: readonly number[] }> {
    const taken = this.#spares.ready.map(({ dir }) => takenBy(dir).catch(() => null));
    const spares = (await Promise.all(taken)).filter((bytes) => bytes !== null);
    return { runs: await this.#full.held(), spares };
  }

  watchFull(listener: (runId: string) => void): void {
    this.#full.watch(listener);
  }

  /** What the host's disk lacks for another run; null where it has room. */
  async #lacking(): Promise<string | null> {
    const { left, kept } = await this.#hostDisk();
    if (left >= kept) return null;
    const [leftMib, keptMib] = [left, kept].map((bytes) => Math.floor(bytes / 2 ** 20));
    return `the host's disk has ${leftMib} MiB left, and ${keptMib} MiB are kept for what runs already`;
  }

  async #hostDisk(): Promise<{ left: number; kept: number }> {
    const { bavail, blocks, bsize } = await statfs(join(this.#dir, ".."));
    return { left: bavail * bsize, kept: keptOfDisk(blocks * bsize) };
  }
}

function placeOn(dir: string): AppPlace {
  const [upper, work] = DiskMaker.parts;
  return { upperDir: join(dir, upper), workDir: join(dir, work), enterArgv: [], launch: launchPlainly };
}

async function plainPlace(dir: string, hostId: number): Promise<AppPlace> {
  const place = placeOn(dir);
  for (const [path, owner] of [[place.upperDir, hostId + 1] as const, [place.workDir, hostId] as const]) {
    await mkdir(path, { mode: 0o755 });
    await chown(path, owner, owner);
  }
  return place;
}
