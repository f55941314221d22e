import assert from "node:assert/strict";
import type { Event } from "../contract/event.ts";
import { mayMove, type ProcState } from "../contract/states.ts";
import { Lane } from "../lib/lane.ts";
import type { Needs } from "./needs.ts";
import type { Knowledge } from "./plan.ts";
import type { Change, ProcRecord, RunRecord } from "./record.ts";
import { viewOf } from "./view.ts";

/**
 * One proc in memory. What is here is what is on disk: `commit` writes first, then changes the memory, then
 * tells.
 *
 * INVARIANTS
 * - `record` and `run` change in `commit` only, and only inside the proc's lane.
 * - A state changes by `move` only, along the table of moves, with its event and its callback in one transaction.
 */
export class Life {
  readonly lane = new Lane();
  /** What is known of the run; forgotten whenever something may have happened to it. */
  knowledge: Knowledge = { status: "unknown" };
  /** Calls the fetch of its image off; null where none is under way. */
  fetching: AbortController | null = null;
  /** Digest of the image that was fetched for it, until it is on record. */
  fetched: string | null = null;
  /** Whether this daemon has sent the stop's signal. */
  asked = false;
  /** How often in a row a step has failed; told apart from the app's own failures. */
  faults = 0;
  /** When the request that made it came in, by the measuring clock; null for a proc that was found. */
  acceptedMs: number | null = null;
  /** The timer for the moment at which `rest` ends. */
  alarm: AbortController | null = null;
  readonly #needs: Needs;
  readonly #watchers = new Set<(life: Life) => void>();
  #record: ProcRecord | null;
  #run: RunRecord | null;
  #id: string;

  constructor(needs: Needs, record: ProcRecord, run: RunRecord | null) {
    this.#needs = needs;
    this.#record = record;
    this.#run = run;
    this.#id = record.id;
  }

  get id(): string {
    return this.#id;
  }

  /** The record; asserts that the proc has not been forgotten. */
  get record(): ProcRecord {
    assert(this.#record !== null, `proc ${this.#id} is forgotten`);
    return this.#record;
  }

  get isForgotten(): boolean {
    return this.#record === null;
  }

  get run(): RunRecord | null {
    return this.#run;
  }

  /** Calls back after every change, until the returned function is called. */
  watch(watcher: (life: Life) => void): () => void {
    this.#watchers.add(watcher);
    return () => this.#watchers.delete(watcher);
  }

  /** Moves to a state and changes what goes with it. An illegal move is a fault of the daemon and throws. */
  async move(state: ProcState, changes: Partial<ProcRecord> = {}, extra: Change = {}): Promise<void> {
    const from = this.record.state;
    assert(mayMove(from, state), `proc ${this.#id} may not move from ${from} to ${state}`);
    const record = { ...this.record, ...changes, state };
    await this.commit({ ...extra, saveProc: record, ...this.#told("proc.state", record) });
  }

  /** Forgets the proc: the last change there is. */
  async forget(): Promise<void> {
    const told = this.#told("proc.deleted", this.record);
    await this.commit({ deleteProc: this.#id, event: told.event });
  }

  /** Writes a change, and then makes the memory say the same. */
  async commit(change: Change): Promise<void> {
    const event = await this.#needs.store.commit(change);
    this.applied(change, event);
  }

  /** The change is on disk: the memory follows, and those who wait are told. */
  applied(change: Change, event: Event | null): void {
    if (change.saveProc) this.#record = change.saveProc;
    if (change.saveRun) this.#run = change.saveRun;
    if (change.deleteRun !== undefined) this.#run = null;
    if (change.deleteProc !== undefined) this.#record = null;
    if (event) this.#needs.journal.publish(event);
    for (const watcher of [...this.#watchers]) watcher(this);
  }

  #told(type: Event["type"], record: ProcRecord) {
    return toldChange(this.#needs, type, record);
  }
}

/** The event of a change, and where it is to be delivered. */
export function toldChange(needs: Needs, type: Event["type"], record: ProcRecord) {
  const event = {
    id: `evt_${needs.randomId()}`,
    type,
    time: needs.clock.now().toISOString(),
    procId: record.id,
    proc: viewOf(record, needs),
  };
  return { event, callbackUrl: record.spec.callbackUrl };
}
