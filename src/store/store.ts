/**
 * The store: what must not be lost, in one SQLite database, `<stateDir>/sharku.db`.
 *
 * It keeps procs, runs, the journal of events and the outbox of callbacks, and answers once a change is on disk.
 * It decides nothing, knows no rule of a proc's life, and sends no callback. What the daemon asks often is kept in
 * memory elsewhere; this room is asked at the start, to write, and for pages of the journal.
 *
 * INVARIANTS
 * - A change that was answered is on disk, whole; one that was refused has left nothing.
 * - A record, its event and its callback are one transaction.
 * - Events are numbered 1, 2, 3 … without gaps, in the order of their commits; a number never comes twice.
 * - Answers come in the order of the calls.
 * - What the journal tells begins with some event and from there has no hole; what a callback needs is not trimmed.
 * - One daemon at a time has the state directory: the lock on the database is the lock on all of it.
 * - Config values, which are secrets, are in the table `procs` and nowhere else.
 */
import { extname, join } from "node:path";
import { Worker } from "node:worker_threads";
import { SharkuError } from "../contract/errors.ts";
import type { Event } from "../contract/event.ts";
import { CannotStart } from "../lib/cannot-start.ts";
import type { ProcStore } from "../procs/needs.ts";
import type { Change } from "../procs/record.ts";
import type { Answer, Answers, Asks, CallName, DeliveryEnd, EventPage, FromWorker } from "./protocol.ts";
import { Reserve } from "./reserve.ts";

const FILE_NAME = "sharku.db";
const RESERVE_NAME = "reserve";

interface Pending {
  readonly resolve: (value: Answers[CallName]) => void;
  readonly reject: (error: Error) => void;
}

/**
 * Opens the store of a state directory, and makes it where there is none. The directory must exist.
 * Errors: CannotStart where another daemon has it, or where the database is damaged, foreign or of a newer Sharku.
 */
export async function openStore({ stateDir }: { stateDir: string }): Promise<Store> {
  // The same file as it is called in a clone (.ts) and as built (.js).
  const url = new URL(`./worker${extname(import.meta.filename)}`, import.meta.url);
  const worker = new Worker(url, { workerData: join(stateDir, FILE_NAME) });
  await new Promise<void>((resolve, reject) => {
    worker.once("error", reject);
    worker.once("message", (message: FromWorker) => {
      worker.off("error", reject);
      if (message.kind === "refused") reject(new CannotStart(message.message));
      else resolve();
    });
  });
  const reserve = new Reserve(join(stateDir, RESERVE_NAME));
  // Where there is no room for it the store works all the same, as long as the disk is not full.
  await reserve.take();
  return new Store(worker, reserve);
}

export class Store implements ProcStore {
  /** Resolves where the worker ends unasked. Nothing can be kept any more then: the daemon must end too. */
  readonly died: Promise<Error>;
  readonly #worker: Worker;
  readonly #reserve: Reserve;
  // Bounded by those who call: a lane for each proc, a page for each follower, the deliveries under way.
  readonly #pending = new Map<number, Pending>();
  #lastId = 0;
  #end: Error | null = null;
  #closing: Promise<void> | null = null;

  constructor(worker: Worker, reserve: Reserve) {
    this.#worker = worker;
    this.#reserve = reserve;
    const { promise, resolve } = Promise.withResolvers<Error>();
    this.died = promise;
    worker.on("message", (message: FromWorker) => {
      if (message.kind === "answers") for (const answer of message.answers) this.#settle(answer);
    });
    worker.on("error", (cause) => {
      this.#finish(new Error(`Cannot use the store: its worker failed: ${cause.message}`, { cause }));
    });
    worker.on("exit", () => {
      this.#finish(new Error("Cannot use the store: its worker has ended"));
      if (!this.#closing && this.#end) resolve(this.#end);
    });
    // The worker alone keeps no process alive; a call under way does.
    worker.unref();
  }

  /** On a full disk all but a new proc is written into the reserve: what ends and deletes makes room. */
  async commit(change: Change): Promise<Event | null> {
    try {
      const event = await this.#call("commit", change);
      if (change.deleteProc !== undefined) void this.#reserve.take();
      return event;
    } catch (error) {
      const isFull = error instanceof SharkuError && error.code === "disk-full";
      if (!isFull || change.event?.type === "proc.created") throw error;
      await this.#reserve.give();
      return await this.#call("commit", change);
    }
  }

  load(): Promise<Answers["load"]> {
    return this.#call("load", null);
  }

  getMeta(key: string): Promise<string | null> {
    return this.#call("getMeta", { key });
  }

  async setMeta(key: string, value: string): Promise<void> {
    await this.#call("setMeta", { key, value });
  }

  /** The events after that number, oldest first, at most `limit`; of one proc where one is named. */
  readEvents(query: Asks["readEvents"]): Promise<EventPage> {
    return this.#call("readEvents", query);
  }

  eventRange(): Promise<Answers["eventRange"]> {
    return this.#call("eventRange", null);
  }

  /** Deliveries whose turn has come: never two of one proc to one URL, never one before an older one. */
  dueCallbacks(query: Asks["dueCallbacks"]): Promise<Answers["dueCallbacks"]> {
    return this.#call("dueCallbacks", query);
  }

  /** Takes a delivery out, made or given up; the next of its proc falls due. Repeating it is fine. */
  async callbackDone(seq: number, end: DeliveryEnd): Promise<void> {
    await this.#call("callbackDone", { seq, end });
  }

  async callbackFailed(
    seq: number,
    failure: { nextAttemptAt: number; error: string; at: number },
  ): Promise<void> {
    await this.#call("callbackFailed", { seq, ...failure });
  }

  /** Takes out all deliveries of that proc to that URL, and those of events to come. */
  async dropCallbacks(lane: Asks["dropCallbacks"]): Promise<void> {
    await this.#call("dropCallbacks", lane);
  }

  /** Puts deliveries back that were made, given up or called off; answers with the numbers of their events. */
  replayCallbacks(ask: Asks["replayCallbacks"]): Promise<number[]> {
    return this.#call("replayCallbacks", ask);
  }

  /** The deliveries of a proc, of events after that number, oldest first. */
  listDeliveries(query: Asks["listDeliveries"]): Promise<Answers["listDeliveries"]> {
    return this.#call("listDeliveries", query);
  }

  /**
   * Lets old events go, a few at a time; tells whether there are more to go. One whose callback is not delivered
   * stays until it is, told to nobody else.
   */
  trimEvents(ask: Asks["trimEvents"]): Promise<boolean> {
    return this.#call("trimEvents", ask);
  }

  /** Finishes what was asked before, leaves one whole file, gives the lock back. Repeating it is fine. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    if (this.#end) return;
    const ended = new Promise<void>((resolve) => this.#worker.once("exit", () => resolve()));
    const answer = this.#call("close", null);
    this.#end = new Error("Cannot use the store: it is closed");
    try {
      await answer;
    } finally {
      await ended;
    }
  }

  #call<N extends CallName>(name: N, ask: Asks[N]): Promise<Answers[N]> {
    if (this.#end) return Promise.reject(this.#end);
    this.#lastId += 1;
    const id = this.#lastId;
    return new Promise((resolve, reject) => {
      // `as`: the worker answers each call by the handler of its name, whose answer is of this type.
      this.#pending.set(id, { resolve: resolve as Pending["resolve"], reject });
      this.#worker.ref();
      this.#worker.postMessage({ id, name, ask });
    });
  }

  #settle(answer: Answer): void {
    const pending = this.#pending.get(answer.id);
    this.#pending.delete(answer.id);
    // While it closes, the worker is waited for to its end.
    if (this.#pending.size === 0 && !this.#closing) this.#worker.unref();
    if (answer.ok) pending?.resolve(answer.value);
    else pending?.reject(toError(answer));
  }

  #finish(error: Error): void {
    this.#end ??= error;
    for (const { reject } of this.#pending.values()) reject(error);
    this.#pending.clear();
  }
}

function toError({ code, message }: Answer & { ok: false }): Error {
  const text = `Cannot write to the store: ${message}`;
  if (code === null) return new Error(text);
  return new SharkuError(code, `${text}, free some disk space`);
}
