import type { Limits } from "../../contract/proc.ts";

/** What of its limits a run has come close to, or has lost a process to. */
export type LimitWarning = "memory-high" | "pids-limit" | "oom";

/** How often it is looked, in milliseconds. */
const LOOK_MS = 3_000;

/** So much of its limit is high, and below so much it is no longer. */
const HIGH_PART = 0.9;
const LOW_PART = 0.8;

/** So many looks later kills are told of again at the soonest: a child that is killed on and on is no flood. */
const OOM_LOOKS = 20;

/** How many runs are looked at before others have their turn. */
const SLICE = 50;

export interface LimitWatchNeeds {
  readonly figures: {
    totalBytes(runId: string): number | null;
    usedBytes(runId: string): number | null;
    pids(runId: string): number | null;
    refusedPids(runId: string): number | null;
    oomKills(runId: string): number | null;
  };
  readonly report: (fault: unknown, context: Record<string, unknown>) => void;
}

interface Watched {
  limits: Pick<Limits, "memoryBytes" | "pids">;
  isMemoryHigh: boolean;
  isPidsFull: boolean;
  /** How often it had been refused a process when it was last looked; null before the first look. */
  refused: number | null;
  /** How many of its processes the kernel had killed when it was last looked; null before the first look. */
  kills: number | null;
  /** How many of these were told of, or were there before us. */
  killsTold: number | null;
  /** Looks until kills may be told of again. */
  quietLooks: number;
}

/**
 * Tells of runs that come close to a limit: once, until there is room again; and of those that lose processes to the
 * kernel's want of memory and live on. Three small files are read of each run, and more only of one that is close.
 */
export class LimitWatch {
  readonly #needs: LimitWatchNeeds;
  readonly #watched = new Map<string, Watched>();
  #timer: NodeJS.Timeout | null = null;
  #isLooking = false;

  constructor(needs: LimitWatchNeeds) {
    this.#needs = needs;
  }

  /** From now on these limits hold. `isFresh`: nothing has been refused before. */
  set(runId: string, limits: Limits, { isFresh = false } = {}): void {
    const known = this.#watched.get(runId);
    if (known !== undefined) known.limits = limits;
    else
      this.#watched.set(runId, {
        limits,
        isMemoryHigh: false,
        isPidsFull: false,
        refused: isFresh ? 0 : null,
        kills: isFresh ? 0 : null,
        killsTold: isFresh ? 0 : null,
        quietLooks: 0,
      });
  }

  /** How many of its processes the kernel had killed at the last look; null where there was none. */
  killsSeen(runId: string): number | null {
    return this.#watched.get(runId)?.kills ?? null;
  }

  forget(runId: string): void {
    this.#watched.delete(runId);
  }

  watch(listener: (runId: string, warning: LimitWarning) => void): void {
    this.#timer = setInterval(() => {
      // On a host that is slow to answer, the looks do not pile up.
      if (this.#isLooking) return;
      this.#isLooking = true;
      this.lookAtAll(listener)
        .catch((fault: unknown) => this.#needs.report(fault, {}))
        .finally(() => {
          this.#isLooking = false;
        });
    }, LOOK_MS);
    this.#timer.unref();
  }

  close(): void {
    if (this.#timer !== null) clearInterval(this.#timer);
  }

  async lookAtAll(listener: (runId: string, warning: LimitWarning) => void): Promise<void> {
    let looked = 0;
    for (const [runId, watched] of [...this.#watched]) {
      looked += 1;
      if (looked % SLICE === 0) await new Promise((resolve) => setImmediate(resolve));
      if (this.#watched.get(runId) !== watched) continue;
      if (this.#lookAtMemory(runId, watched)) listener(runId, "memory-high");
      if (this.#lookAtPids(runId, watched)) listener(runId, "pids-limit");
      if (this.#lookAtKills(runId, watched)) listener(runId, "oom");
    }
  }

  /** Whether it has become high. */
  #lookAtMemory(runId: string, watched: Watched): boolean {
    const high = watched.limits.memoryBytes * HIGH_PART;
    let used = this.#needs.figures.totalBytes(runId);
    // Files that it has read fill the memory of every app in time, and harm none.
    if (used !== null && used >= high) used = this.#needs.figures.usedBytes(runId);
    if (used === null) return false;
    const wasHigh = watched.isMemoryHigh;
    if (used >= high) watched.isMemoryHigh = true;
    else if (used < watched.limits.memoryBytes * LOW_PART) watched.isMemoryHigh = false;
    return watched.isMemoryHigh && !wasHigh;
  }

  #lookAtPids(runId: string, watched: Watched): boolean {
    const refused = this.#needs.figures.refusedPids(runId);
    if (refused === null) return false;
    const isMore = watched.refused !== null && refused > watched.refused;
    watched.refused = refused;
    const wasFull = watched.isPidsFull;
    if (isMore) watched.isPidsFull = true;
    else if (wasFull && (this.#needs.figures.pids(runId) ?? 0) < watched.limits.pids * HIGH_PART)
      watched.isPidsFull = false;
    return watched.isPidsFull && !wasFull;
  }

  /** Whether there were more kills that it has outlived: those that a look has seen, and it is still there at the next. */
  #lookAtKills(runId: string, watched: Watched): boolean {
    const kills = this.#needs.figures.oomKills(runId);
    if (kills === null) return false;
    const outlived = watched.kills;
    watched.kills = kills;
    watched.killsTold ??= kills;
    if (watched.quietLooks > 0) watched.quietLooks -= 1;
    if (watched.quietLooks > 0 || outlived === null || outlived <= watched.killsTold) return false;
    watched.killsTold = outlived;
    watched.quietLooks = OOM_LOOKS;
    return true;
  }
}
