import { isDeepStrictEqual } from "node:util";
import { SharkuError } from "../contract/errors.ts";
import type { Event } from "../contract/event.ts";
import type { ProcHealth } from "../contract/health.ts";
import type { Config, Limits, Proc, ProcPatch, ProcSpec, StopRequest } from "../contract/proc.ts";
import type { SignalRequest } from "../contract/restart.ts";
import type { ProcFilter } from "../contract/routes.ts";
import { finalStates } from "../contract/states.ts";
import { FifoPool } from "../lib/fifo-pool.ts";
import { assertRoom, assertRoomToChange } from "./assert-room.ts";
import { awaitGoal, notFound, type WaitGoal } from "./await-goal.ts";
import { changeLimits } from "./change-limits.ts";
import { drive } from "./drive.ts";
import { endFor, type OwnEnd, sendSignal, wantEnd, wantRestart } from "./end-run.ts";
import { noHealthYet } from "./health-view.ts";
import { Launches } from "./launches.ts";
import { holdsPort, leaseOf } from "./lease.ts";
import { Life, toldChange } from "./life.ts";
import { pageOf } from "./list.ts";
import { type Measured, measuredOf } from "./measured.ts";
import type { HealthVerdict, Needs } from "./needs.ts";
import { programAtHand } from "./program.ts";
import type { FullSpec, ProcRecord, Program } from "./record.ts";
import { healthReport, takeVerdict } from "./run-health.ts";
import { fillSpec } from "./spec.ts";
import type { Tools } from "./steps.ts";
import { type TemplateUse, templateUses, versionsInUse } from "./template-uses.ts";
import { viewOf } from "./view.ts";
import { warn } from "./warn.ts";

/**
 * Room procs, the heart: the life of a proc. It decides and puts on record; how a container is made, where rows
 * are kept and who calls is the other rooms' business.
 *
 * INVARIANTS
 * - A proc is on disk before anything is taken for it, and until everything is given back.
 * - Each proc has one lane; whatever happens to it happens there, one thing at a time.
 * - `list` and `get` read memory: they take no lane and ask nobody.
 */

export class Procs {
  readonly #needs: Needs;
  readonly #tools: Tools;
  readonly #lives = new Map<string, Life>();
  /** Creations under way by id, so that two of the same id do not race. */
  readonly #creating = new Map<
    string,
    {
      readonly life: Promise<Life>;
      readonly image: string | null;
      readonly template: string;
      readonly limits: Limits;
    }
  >();
  /** Number of the last event that the memory contains. */
  #seq = 0;

  constructor(given: Needs) {
    const publish = (event: Event) => {
      this.#seq = event.seq;
      given.journal.publish(event);
    };
    const needs = { ...given, journal: { publish } };
    this.#needs = needs;
    this.#tools = {
      needs,
      slots: new FifoPool(0, needs.network.slotCount - 1),
      drive: (life) => void drive(life, this.#tools),
      launches: new Launches((life) => void drive(life, this.#tools)),
    };
  }

  /**
   * Finds everything again that was there before: the normal start of the daemon. What is on disk is the truth
   * about what is wanted, what runs on the host is the truth about what is; the steps do the rest. Longer than
   * `patienceMs` it waits for none of them: a runtime that hangs holds up the procs that it has made, not the daemon.
   */
  async open(patienceMs?: number): Promise<void> {
    const { store, network, isolation, logs, templates, health } = this.#needs;
    const { procs, runs, seq } = await store.load();
    this.#seq = seq;
    const runOf = new Map(runs.map((run) => [run.procId, run]));
    for (const record of procs) this.#add(new Life(this.#needs, record, runOf.get(record.id) ?? null));
    for (const run of runs) this.#tools.slots.keep(run.slot);
    for (const record of procs)
      if (holdsPort(record, runOf.get(record.id) ?? null)) network.keepPort(Number(record.port));
    await network.sweep(this.#leases());
    await isolation.sweep(runs.map((run) => run.id));
    await logs.sweep(procs.map((record) => record.id));
    await templates.sweep(runs.map((run) => run.templateVersion));
    health.onVerdict((verdict) => this.#healthSaid(verdict));
    isolation.watchExits((runId) => this.#exitSeen(runId));
    isolation.watchFullDisks((runId) => this.#warn(runId, "proc.disk-full"));
    isolation.watchLimits((runId, warning) => this.#warn(runId, `proc.${warning}`));
    const found = Promise.all([...this.#lives.values()].map((life) => drive(life, this.#tools)));
    const late = new AbortController();
    const patience = patienceMs === undefined ? [] : [this.#needs.clock.sleep(patienceMs, late.signal)];
    await Promise.race([found, ...patience]).finally(() => late.abort());
  }

  /**
   * Lets what is under way come to an end, at most for so long; the procs go on. Whatever is left half-done
   * is what the next start finds.
   */
  async close(timeoutMs: number): Promise<void> {
    this.#tools.launches.close();
    const lives = [...this.#lives.values()];
    for (const life of lives) {
      life.alarm?.abort();
      // The next daemon fetches it again.
      life.fetching?.abort();
    }
    const idle = Promise.all(lives.map((life) => life.lane.run(async () => life.alarm?.abort())));
    await Promise.race([idle, this.#needs.clock.sleep(timeoutMs)]);
  }

  /** Errors: those of `fillSpec`; `limit-beyond-host`, `no-room`, `no-port`, `no-slot`, `disk-full`. */
  async create(spec: ProcSpec): Promise<Proc> {
    const life = await this.#create(this.#needs.randomId(), spec);
    return this.#view(life);
  }

  /** Errors: as `create`; `proc-exists` where the id belongs to another, `proc-leaving` where it is on its way out. */
  async put(id: string, spec: ProcSpec): Promise<{ proc: Proc; isNew: boolean }> {
    const creating = this.#creating.get(id);
    const known = this.#lives.get(id) ?? (creating === undefined ? undefined : await creating.life);
    if (known === undefined) return { proc: this.#view(await this.#create(id, spec)), isNew: true };
    if (known.record.wanted === "gone") {
      throw new SharkuError(
        "proc-leaving",
        `Cannot create proc "${id}": the one before it is being deleted, wait until it is gone`,
      );
    }
    if (!isDeepStrictEqual(fillSpec(spec, this.#needs), known.record.spec)) {
      throw new SharkuError(
        "proc-exists",
        `Cannot create proc "${id}": it exists and was asked for otherwise, delete it first or take another id`,
      );
    }
    return { proc: this.#view(known), isNew: false };
  }

  /** Number of the last event that `list` and `get` contain. */
  get seq(): number {
    return this.#seq;
  }

  list(filter: ProcFilter): { items: Proc[]; next: string | null; seq: number } {
    const records = [...this.#lives.values()].map((life) => life.record);
    const { items, next } = pageOf(records, filter);
    return { items: items.map((record) => viewOf(record, this.#needs)), next, seq: this.#seq };
  }

  /** Errors: `proc-not-found`. */
  get(id: string): Proc {
    return this.#view(this.#find(id));
  }

  /** What its checks have come to, and their last results. Errors: `proc-not-found`. */
  health(id: string): ProcHealth {
    return healthReport(this.#find(id).record, this.#needs.health);
  }

  /** The values of its config, which nothing else shows. Errors: `proc-not-found`. */
  config(id: string): Config {
    return this.#find(id).record.spec.config;
  }

  /** What to measure: of one proc, or of all. Errors: `proc-not-found`. */
  measured(id?: string): Measured[] {
    const lives = id === undefined ? [...this.#lives.values()] : [this.#find(id)];
    return lives.filter((life) => !life.isForgotten).map(measuredOf);
  }

  /** How many procs are in each state. */
  counts(): Record<string, number> {
    const counts: Record<string, number> = {};
    for (const { record } of this.#lives.values()) counts[record.state] = (counts[record.state] ?? 0) + 1;
    return counts;
  }

  /** How many procs have that image, or are being created with it. */
  imageUsers(digest: string): number {
    const created = [...this.#lives.values()].filter(
      ({ record, fetched }) => (record.program?.digest ?? fetched) === digest,
    );
    return created.length + [...this.#creating.values()].filter(({ image }) => image === digest).length;
  }

  /** What each proc that has not ended stands on, or is being created to stand on. */
  templateUses(): readonly TemplateUse[] {
    return templateUses(this.#lives, this.#creating);
  }

  /**
   * Changes its limits; a running one takes them on at once. Errors: `proc-not-found`, `proc-ended`, `limit-in-use`,
   * `limit-beyond-host`, `no-room`, `disk-full`.
   */
  async patch(id: string, { limits = {} }: ProcPatch): Promise<Proc> {
    const life = this.#find(id);
    await life.lane.run(async () => {
      if (life.isForgotten) throw notFound(id);
      assertRoomToChange(life, limits, { room: this.#needs.room, living: this.#living });
      await changeLimits(life, limits, this.#needs);
    });
    return this.#view(life);
  }

  /** Asks it to end and keeps its record; one that has ended stays as it is. Errors: `proc-not-found`. */
  async stop(id: string, request: StopRequest): Promise<Proc> {
    const life = this.#find(id);
    return await this.#end(life, "stopped", request);
  }

  /** Starts it again now. Errors: `proc-not-found`, `proc-ended`. */
  async restart(id: string, request: StopRequest): Promise<Proc> {
    const life = this.#find(id);
    await wantRestart(life, request, this.#needs);
    const proc = this.#view(life);
    void drive(life, this.#tools);
    return proc;
  }

  /** Sends a signal to its main process. Errors: `proc-not-found`, `proc-not-running`. */
  async signal(id: string, { signal }: SignalRequest): Promise<Proc> {
    const life = this.#find(id);
    await sendSignal(life, signal, this.#needs);
    return this.#view(life);
  }

  /** Ends it, gives everything back and forgets it. Errors: `proc-not-found`. */
  async remove(id: string, request: StopRequest): Promise<Proc> {
    const life = this.#find(id);
    return await this.#end(life, "gone", request);
  }

  /**
   * Answers as soon as the proc has reached the goal, even if it has left it again since.
   * Errors: `proc-not-found`, also where it goes meanwhile; `wait-timeout`.
   */
  async wait(
    id: string,
    { goal, timeoutMs, signal }: { goal: WaitGoal; timeoutMs: number; signal: AbortSignal },
  ): Promise<Proc> {
    const life = this.#find(id);
    await awaitGoal(life, { goal, timeoutMs, signal });
    return this.#view(life);
  }

  /**
   * Ends a run for a reason of the daemon's own: by the stop's signal, and where it outlives its grace, by killing it.
   * Does nothing where that run is over, or is ending already.
   */
  async endRun(runId: string, end: OwnEnd): Promise<void> {
    const life = [...this.#lives.values()].find(({ run }) => run?.id === runId);
    if (life !== undefined) await endFor(life, { runId, ...end }, this.#tools);
  }

  /** Whether nothing more will come of it: its log is complete. True for one that is not there. */
  hasEnded(id: string): boolean {
    const life = this.#lives.get(id);
    return life === undefined || life.isForgotten || finalStates.includes(life.record.state);
  }

  /** Whose run that is; null where it is nobody's. */
  procOfRun(runId: string): string | null {
    return [...this.#lives.values()].find(({ run }) => run?.id === runId)?.id ?? null;
  }

  has(id: string): boolean {
    return this.#lives.has(id);
  }

  /** Whether anything at all is held on the host. */
  get holdsNothing(): boolean {
    return [...this.#lives.values()].every((life) => life.run === null);
  }

  async #create(id: string, spec: ProcSpec): Promise<Life> {
    const full = fillSpec(spec, this.#needs);
    this.#needs.room.assertPossible(full.limits);
    const program = programAtHand(full, this.#needs.images);
    const creation = this.#accept(id, full, program);
    this.#creating.set(id, {
      ...{ life: creation, image: program?.digest ?? null },
      ...{ template: full.template, limits: full.limits },
    });
    try {
      const life = await creation;
      void drive(life, this.#tools);
      return life;
    } finally {
      this.#creating.delete(id);
    }
  }

  async #accept(id: string, spec: FullSpec, program: Program | null): Promise<Life> {
    const { network, store, clock } = this.#needs;
    const acceptedMs = clock.elapsedMs();
    assertRoom(spec.limits, this.#living, this.#needs);
    const port = spec.network.mode === "private" ? await network.acquirePort() : null;
    const record: ProcRecord = {
      ...{ id, spec, program, state: "init", wanted: "running", stopping: null, port, exit: null },
      health: noHealthYet,
      ...{ createdAt: clock.now().toISOString(), startedAt: null, exitedAt: null, timings: {}, runs: 0 },
      ...{ restarts: 0, attempts: 0, nextRestartAt: null, lastExit: null },
    };
    const change = { saveProc: record, ...toldChange(this.#needs, "proc.created", record) };
    try {
      const event = await store.commit(change);
      const life = new Life(this.#needs, record, null);
      life.acceptedMs = acceptedMs;
      this.#add(life);
      life.applied({}, event);
      return life;
    } catch (fault) {
      if (port !== null) network.releasePort(port);
      throw fault;
    }
  }

  get #living() {
    return { lives: this.#lives, creating: this.#creating };
  }

  /** Errors: `proc-not-found` where another call was quicker. */
  async #end(life: Life, wanted: "stopped" | "gone", request: StopRequest): Promise<Proc> {
    await wantEnd(life, { wanted, request }, this.#needs);
    if (life.isForgotten) throw notFound(life.id);
    const proc = this.#view(life);
    void drive(life, this.#tools);
    return proc;
  }

  #exitSeen(runId: string): void {
    for (const life of this.#lives.values()) {
      if (life.run?.id !== runId || life.record.exit !== null) continue;
      life.knowledge = { status: "unknown" };
      void drive(life, this.#tools);
    }
  }

  #healthSaid(verdict: HealthVerdict): void {
    const life = this.#lives.get(verdict.procId);
    if (life === undefined) return;
    takeVerdict(life, verdict, this.#tools).catch((fault: unknown) =>
      this.#needs.report(fault, { procId: life.id, verdict: verdict.kind }),
    );
  }

  #warn(runId: string, type: Event["type"]): void {
    const life = [...this.#lives.values()].find(({ run }) => run?.id === runId);
    if (life !== undefined) warn(life, { runId, type }, this.#needs);
  }

  #add(life: Life): void {
    this.#lives.set(life.id, life);
    let before = life.run;
    life.watch(() => {
      if (before !== null && life.run === null) this.#sweepTemplates();
      before = life.run;
      if (life.isForgotten) this.#lives.delete(life.id);
    });
  }

  /** A run has gone, and with it perhaps the last that stood on an old version of a template. */
  #sweepTemplates(): void {
    const swept = this.#needs.templates.sweep(versionsInUse(this.#lives));
    swept.catch((fault: unknown) => this.#needs.report(fault, { doing: "removing old templates" }));
  }

  #leases() {
    return [...this.#lives.values()].flatMap(({ record, run }) => {
      const lease = run === null ? null : leaseOf(record, run);
      return lease === null ? [] : [lease];
    });
  }

  #find(id: string): Life {
    const life = this.#lives.get(id);
    if (life === undefined || life.isForgotten) throw notFound(id);
    return life;
  }

  #view(life: Life): Proc {
    return viewOf(life.record, this.#needs);
  }
}
