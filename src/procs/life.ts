import assert from "node:assert/strict";
import type { Event } from "../contract/event.ts";
import { mayMove, type ProcState } from "../contract/states.ts";
import { Lane } from "../lib/lane.ts";
import { withoutLog } from "./log-tail.ts";
import type { Needs } from "./needs.ts";
import type { Knowledge } from "./plan.ts";
import type { Change, ProcRecord, RunRecord } from "./record.ts";
import { viewOf } from "./view.ts";

/** A change that leaves the record as it is. */
export type PlainChange = Omit<Change, "saveProc">;

/** Makes a change of the record as it is when its turn has come; null where there is nothing to write. */
export type Edit = (record: ProcRecord) => Change | null;

/**
 * One proc in memory. What is here is what is on disk: `commit` writes first, then changes the memory, then
 * tells.
 *
 * INVARIANTS
 * - `record` and `run` change in `commit` only, one change after the other, each told from the record as the one
 *   before has left it: so what is wanted of a proc goes on record at once, whatever step its lane is at.
 * - A state changes by `move` only, and only inside the proc's lane, along the table of moves, with its event and its
 *   callback in one transaction.
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
  readonly #changes = new Lane();
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
  async move(state: ProcState, changes: Partial<ProcRecord> = {}, extra: PlainChange = {}): Promise<void> {
    await this.moveOn((before) => ({ ...before, ...changes, state }), extra);
  }

  /** As `move`, to where the record itself leads. */
  async moveOn(next: (before: ProcRecord) => ProcRecord, extra: PlainChange = {}): Promise<void> {
    await this.commit((before) => {
      const record = next(before);
      const { state } = record;
      assert(mayMove(before.state, state), `proc ${this.#id} may not move from ${before.state} to ${state}`);
      return { ...extra, saveProc: record, ...this.#told("proc.state", record) };
    });
  }

  /** Forgets the proc: the last change there is. */
  async forget(): Promise<void> {
    await this.commit((record) => ({
      deleteProc: this.#id,
      event: this.#told("proc.deleted", record).event,
    }));
  }

  /** Writes a change, and then makes the memory say the same. Does nothing once the proc is forgotten. */
  async commit(change: PlainChange | Edit): Promise<void> {
    await this.#changes.run(async () => {
      if (this.#record === null) return;
      const edited = typeof change === "function" ? change(this.#record) : change;
      if (edited === null) return;
      const event = await this.#needs.store.commit(edited);
      this.applied(edited, event);
    });
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
  const view = viewOf(record, needs);
  const event = {
    id: `evt_${needs.randomId()}`,
    type,
    time: needs.clock.now().toISOString(),
    procId: record.id,
    proc: { ...view, exit: withoutLog(view.exit), lastExit: withoutLog(view.lastExit) },
  };
  const { callbackUrl, callbackSecrets } = record.spec;
  return { event, callbackUrl, callbackSecrets };
}
