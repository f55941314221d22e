import { mkdir, readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { SharkuError } from "../contract/errors.ts";
import type { Build, Progress, TemplateKind } from "../contract/template.ts";
import { Lane } from "../lib/lane.ts";
import { within } from "./deadline.ts";
import { finish } from "./finish.ts";
import { guardDisk } from "./guard-disk.ts";
import type { BuildNeeds } from "./needs.ts";
import { ProgressTeller } from "./progress.ts";
import { treeOf, type VersionRecord, writeVersionRecord } from "./record.ts";
import type { Fill } from "./site.ts";
import type { VersionShelf } from "./version-shelf.ts";

/** One build, as it is asked for. */
export interface Order {
  readonly name: string;
  readonly kind: TemplateKind;
  readonly fill: Fill;
  /** The version that it builds upon, which stays until it is done. */
  readonly baseVersion: string | null;
  readonly baseName: string | null;
  /** When the newest version of that name was made. */
  readonly after: string | null;
  readonly signal: AbortSignal;
  readonly onProgress: (progress: Progress) => void;
}

/** So many builds wait or run; each holds a connection. */
const BUILDS_MAX = 16;

/**
 * The builds that are under way: as many at once as the sandbox has room for, the others wait. A build lives as long as
 * its signal; whatever happens, nothing half-made is left when it is over.
 */
export class Builds {
  readonly #needs: BuildNeeds;
  readonly #shelf: VersionShelf;
  readonly #hostRoot: string;
  readonly #lanes: readonly Lane[];
  readonly #running = new Map<string, { readonly order: Order; readonly lane: Lane; build: Build }>();
  readonly #closing = new AbortController();

  constructor(needs: BuildNeeds, { shelf, hostRoot }: { shelf: VersionShelf; hostRoot: string }) {
    this.#needs = needs;
    this.#shelf = shelf;
    this.#hostRoot = hostRoot;
    this.#lanes = Array.from({ length: needs.sandbox.jobsMax }, () => new Lane());
  }

  /** What is being built under that name, or null. */
  of(name: string): { readonly kind: TemplateKind; readonly build: Build } | null {
    const entry = this.#running.get(name);
    return entry === undefined ? null : { kind: entry.order.kind, build: entry.build };
  }

  get names(): string[] {
    return [...this.#running.keys()];
  }

  /** Whether a build stands on that template, or on that version. */
  standsOn(base: string): boolean {
    return [...this.#running.values()].some(
      ({ order }) => order.baseName === base || order.baseVersion === base,
    );
  }

  /** Builds to the end. Errors: `template-building`, `busy`; those of the fill and of `finish`. */
  async run(order: Order): Promise<VersionRecord> {
    const { name } = order;
    if (this.#running.has(name))
      throw new SharkuError(
        "template-building",
        `Cannot build template "${name}": it is being built already, wait for its end`,
      );
    if (this.#running.size >= BUILDS_MAX)
      throw new SharkuError(
        "busy",
        `Cannot build template "${name}": ${BUILDS_MAX} others are being built, wanted fewer at once`,
      );
    const startedAt = this.#needs.clock.now().toISOString();
    const waiting: Progress = { phase: "checking", percent: null, message: "Waiting for its turn" };
    const build: Build = { ...waiting, startedAt };
    const lane = this.#shortestLane();
    const mustWait = [...this.#running.values()].some((entry) => entry.lane === lane);
    const entry = { order, lane, build };
    this.#running.set(name, entry);
    const onProgress = (progress: Progress) => {
      entry.build = { ...progress, startedAt };
      order.onProgress(progress);
    };
    if (mustWait) onProgress(waiting);
    const turn = Promise.withResolvers<void>();
    try {
      const made = lane.run(() => {
        turn.resolve();
        return this.#bounded({ ...order, onProgress });
      });
      // One that still waits has made nothing: when its caller goes, so does it. What is left in the lane does nothing.
      made.catch(() => undefined);
      await rejectAtAbort(turn.promise, order.signal);
      return await made;
    } finally {
      this.#running.delete(name);
    }
  }

  /** Those whose callers went while they waited stand in the lane still, and count for nothing. */
  #shortestLane(): Lane {
    const lengthOf = (lane: Lane) =>
      [...this.#running.values()].filter((entry) => entry.lane === lane).length;
    return this.#lanes.reduce((best, other) => (lengthOf(other) < lengthOf(best) ? other : best));
  }

  /** Ends all of them and waits until nothing is left. */
  async close(): Promise<void> {
    this.#closing.abort(new SharkuError("build-failed", "Cannot go on building: the daemon ends"));
    await Promise.all(this.#lanes.map((lane) => lane.run(async () => undefined)));
  }

  async #bounded(order: Order): Promise<VersionRecord> {
    const bounds = {
      what: `build template "${order.name}"`,
      msMax: this.#needs.limits.buildMsMax,
      signal: AbortSignal.any([order.signal, this.#closing.signal]),
    };
    return await within(bounds, async (signal) => {
      signal.throwIfAborted();
      return await this.#make({ ...order, signal });
    });
  }

  async #make(order: Order): Promise<VersionRecord> {
    const { randomId } = this.#needs;
    const id = randomId();
    const workDir = await this.#shelf.begin(order.name, id);
    let record: VersionRecord | null = null;
    try {
      record = await this.#makeIn(workDir, { order, id });
      return record;
    } catch (error) {
      throw toldDiskFull(error);
    } finally {
      if (record === null) await this.#shelf.discard(order.name, workDir);
    }
  }

  async #makeIn(
    workDir: string,
    { order, id }: { readonly order: Order; readonly id: string },
  ): Promise<VersionRecord> {
    const { name, fill, after, signal, onProgress } = order;
    const { limits } = this.#needs;
    const treeDir = treeOf(workDir, { source: {} });
    await mkdir(treeDir, { mode: 0o755 });
    const place = {
      ...{ workDir, treeDir, needs: this.#needs, hostRoot: this.#hostRoot },
      jobId: `build-${id}`,
      teller: new ProgressTeller(onProgress),
    };
    const record = await guardDisk({ treeDir, limits, signal }, async (guarded) => {
      const filled = await fill({ ...place, signal: guarded });
      const bounds = { what: `look over template "${name}"`, msMax: limits.finishMsMax, signal: guarded };
      return await within(bounds, (bounded) =>
        finish({ ...place, signal: bounded }, { filled, name, version: id, after }),
      );
    });
    await this.#tidy(workDir, record);
    await writeVersionRecord(workDir, record);
    signal.throwIfAborted();
    await this.#shelf.publish(workDir, record);
    return record;
  }

  /** Leaves what procs need. */
  async #tidy(workDir: string, { source }: VersionRecord): Promise<void> {
    const kept = source.directory === undefined ? ["rootfs", "skeleton"] : ["skeleton"];
    const spare = (await readdir(workDir)).filter((entry) => !kept.includes(entry));
    for (const entry of spare) await rm(join(workDir, entry), { recursive: true });
  }
}

/** Waits, but no longer than until the signal aborts. Errors: its reason. */
async function rejectAtAbort(waiting: Promise<void>, signal: AbortSignal): Promise<void> {
  const gone = Promise.withResolvers<never>();
  const onAbort = () => gone.reject(signal.reason);
  signal.throwIfAborted();
  signal.addEventListener("abort", onAbort, { once: true });
  try {
    await Promise.race([waiting, gone.promise]);
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
}

function toldDiskFull(error: unknown): unknown {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  if (code !== "ENOSPC" && code !== "EDQUOT") return error;
  const words = "Cannot build the template: the disk is full, wanted room for its files";
  return new SharkuError("disk-full", words, { cause: error });
}
