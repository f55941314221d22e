import { SharkuError } from "../contract/errors.ts";
import { finalStates } from "../contract/states.ts";
import type { AllStatsQuery, Figures, Stats, StatsList } from "../contract/stats.ts";
import type { Measured } from "../procs/measured.ts";
import type { FiguresNeeds } from "./needs.ts";
import { type Reading, ratesBetween } from "./rates.ts";

/**
 * Room figures: what procs use, now and from moment to moment, and whether the host has room for more
 * (host-room.ts). It starts no program, keeps nothing on disk and changes nothing.
 *
 * INVARIANTS
 * - Nothing is read but when somebody asks, and a reading that several ask for at once is one.
 * - A follower takes its next record when it wants it: one that is slow gets fewer, and nothing waits for it.
 */

/** A reading not older than this is as good as a new one, in milliseconds. */
const SHARE_MS = 50;

/** How many procs are read before others have their turn. */
const SLICE = 25;

const nothing: Figures = { memory: null, cpu: null, pids: null, io: null, disk: null, network: null };

type Filter = Pick<AllStatsQuery, "app" | "ended">;

interface Following {
  readonly intervalMs: number;
  /** Ends the iteration, quietly. */
  readonly signal: AbortSignal;
}

interface Taken {
  readonly stats: Stats;
  /** Null where there was no run to read. */
  readonly reading: Reading | null;
}

export class ProcFigures {
  readonly #needs: FiguresNeeds;
  readonly #shared = new Map<string, { readonly atMs: number; readonly reading: Promise<Reading> }>();

  constructor(needs: FiguresNeeds) {
    this.#needs = needs;
  }

  /** Errors: `proc-not-found`. */
  async one(id: string): Promise<Stats> {
    return (await this.#take(this.#find(id), null)).stats;
  }

  /** Of all procs, in the order of their making. */
  async all(filter: Filter): Promise<StatsList> {
    return (await this.#takeAll(filter, new Map())).list;
  }

  /** At once, and then at each interval, until the proc has ended or is gone. Errors: `proc-not-found`. */
  async *follow(id: string, { intervalMs, signal }: Following): AsyncGenerator<Stats, void, void> {
    let proc: Measured | null = this.#find(id);
    let before: Reading | null = null;
    while (proc !== null && !signal.aborted) {
      const { stats, reading } = await this.#take(proc, before);
      yield stats;
      if (stats.isFinal) return;
      before = reading;
      await this.#untilNext(intervalMs, signal);
      proc = this.#findAgain(id);
    }
  }

  /** As `all`, at once and then at each interval, until the signal. */
  async *followAll(filter: Filter, { intervalMs, signal }: Following): AsyncGenerator<StatsList, void, void> {
    let before: ReadonlyMap<string, Reading> = new Map();
    while (!signal.aborted) {
      const { list, readings } = await this.#takeAll(filter, before);
      yield list;
      before = readings;
      await this.#untilNext(intervalMs, signal);
    }
  }

  async #takeAll({ app, ended = false }: Filter, before: ReadonlyMap<string, Reading>) {
    const wanted = this.#needs.procs
      .measured()
      .filter((proc) => (app === undefined || proc.app === app) && (ended || !hasEnded(proc)));
    const time = this.#needs.clock.now().toISOString();
    const taken: Taken[] = [];
    for (let at = 0; at < wanted.length; at += SLICE) {
      const slice = wanted.slice(at, at + SLICE);
      taken.push(...(await Promise.all(slice.map((proc) => this.#take(proc, before.get(proc.id) ?? null)))));
      await new Promise((resolve) => setImmediate(resolve));
    }
    const readings = new Map(
      taken.flatMap(({ stats, reading }) => (reading === null ? [] : [[stats.id, reading]])),
    );
    return { list: { time, items: taken.map(({ stats }) => stats) } satisfies StatsList, readings };
  }

  async #take(proc: Measured, before: Reading | null): Promise<Taken> {
    const { id, app, name, state } = proc;
    const reading = proc.run === null ? null : await this.#read(proc, proc.run);
    const figures = reading?.figures ?? proc.lastFigures ?? nothing;
    const stats = {
      ...{ id, app, name, state },
      time:
        reading === null && proc.exitedAt !== null ? proc.exitedAt : this.#needs.clock.now().toISOString(),
      since: proc.startedAt,
      isFinal: hasEnded(proc),
      ...withDiskLimit(figures, proc),
      rates: ratesBetween(before, reading),
    };
    return { stats, reading };
  }

  /** Several who ask at about the same moment get the same reading. */
  async #read(proc: Measured, run: NonNullable<Measured["run"]>): Promise<Reading> {
    const nowMs = this.#needs.clock.elapsedMs();
    const shared = this.#shared.get(run.id);
    if (shared !== undefined && nowMs - shared.atMs < SHARE_MS) return await shared.reading;
    const reading = this.#readNow(proc, run);
    this.#shared.set(run.id, { atMs: nowMs, reading });
    const figures = await reading;
    // Nothing is kept of a run that nobody asks for any more.
    setTimeout(() => this.#letGo(run.id, reading), SHARE_MS).unref();
    return figures;
  }

  #letGo(runId: string, reading: Promise<Reading>): void {
    if (this.#shared.get(runId)?.reading === reading) this.#shared.delete(runId);
  }

  async #readNow({ hasNetwork }: Measured, { id, slot }: NonNullable<Measured["run"]>): Promise<Reading> {
    const { runs, network, clock } = this.#needs;
    const atMs = clock.elapsedMs();
    const figures = await runs.figures(id);
    return {
      runId: id,
      atMs,
      figures: { ...figures, network: hasNetwork ? network.counters(slot) : null },
    };
  }

  /** The moments are the same for all who follow at that interval, so that they share what is read. */
  async #untilNext(intervalMs: number, signal: AbortSignal): Promise<void> {
    const { clock } = this.#needs;
    const leftMs = intervalMs - (clock.elapsedMs() % intervalMs);
    // Called off: whoever asked is told by the signal.
    await clock.sleep(leftMs < intervalMs / 2 ? leftMs + intervalMs : leftMs, signal).catch(() => undefined);
  }

  #find(id: string): Measured {
    const [proc] = this.#needs.procs.measured(id);
    if (proc === undefined)
      throw new SharkuError("proc-not-found", `Cannot find proc "${id}": it is forgotten`);
    return proc;
  }

  #findAgain(id: string): Measured | null {
    try {
      return this.#find(id);
    } catch (error) {
      if (error instanceof SharkuError && error.code === "proc-not-found") return null;
      throw error;
    }
  }
}

function hasEnded({ state }: Measured): boolean {
  return finalStates.includes(state);
}

/** The disk itself is a little larger than what was asked for. */
function withDiskLimit(figures: Figures, { limits }: Measured): Figures {
  if (figures.disk === null) return figures;
  return { ...figures, disk: { ...figures.disk, limitBytes: limits.appBytes } };
}
