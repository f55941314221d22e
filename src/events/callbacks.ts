import { RefusedAddress } from "../lib/judged-lookup.ts";
import { nextPauseMs, parseRetryAfter } from "./callback-backoff.ts";
import type { CallbackNeeds, DueCallback } from "./needs.ts";
import { type PostAnswer, postCallback } from "./post-callback.ts";

/** So many deliveries are under way at once, in all and to one target. */
export const DELIVERIES_MAX = 128;
export const TARGET_DELIVERIES_MAX = 4;

/** To a target whose last delivery failed, one at a time: a dead one holds no more than that. */
const FAILING_TARGET_DELIVERIES_MAX = 1;

const FAILING_TARGETS_MAX = 10_000;

export const DELIVERY_TIMEOUT_MS = 10_000;

/** Where the store refuses an answer, its delivery rests so long, lest it be sent again and again. */
const STORE_PAUSE_MS = 5_000;

/** Longer than this it does not sleep, since the clock of the host may be set. */
const SLEEP_MS_MAX = 60_000;

interface Delivery {
  readonly target: string;
  readonly done: Promise<void>;
}

type Outcome =
  | { readonly kind: "stopped" }
  | { readonly kind: "delivered"; readonly word: string }
  | { readonly kind: "gone"; readonly word: string }
  | { readonly kind: "failed"; readonly word: string; readonly retryAfterMs: number | null };

/**
 * Delivers what is in the outbox, and nothing else: what was not answered with success is still there after a
 * restart of either side. Each event is sent at least once, those of one proc one after the other.
 */
export class Callbacks {
  readonly #needs: CallbackNeeds;
  readonly #underWay = new Map<number, Delivery>();
  /** Targets whose last delivery failed. */
  readonly #failing = new Set<string>();
  readonly #stopping = new AbortController();
  #isStarted = false;
  #isWanted = false;
  #looking: Promise<void> | null = null;
  #sleep = new AbortController();
  #lastTarget = "";

  constructor(needs: CallbackNeeds) {
    this.#needs = needs;
  }

  /** Begins to deliver; called once, when the daemon has found its procs again. */
  start(): void {
    this.#isStarted = true;
    this.wake();
  }

  /** Tells that there may be something new in the outbox. */
  wake(): void {
    if (!this.#isStarted || this.#stopping.signal.aborted) return;
    this.#isWanted = true;
    this.#looking ??= this.#look().finally(() => {
      this.#looking = null;
      // Somebody may have called between the last look and this line.
      if (this.#isWanted) this.wake();
    });
  }

  /** Cuts what is under way, which then is delivered after the next start, and returns when nothing runs. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    this.#sleep.abort();
    await this.#looking;
    await Promise.all([...this.#underWay.values()].map(({ done }) => done));
  }

  async #look(): Promise<void> {
    // Ends when nobody has called since the last look; whoever calls then begins anew.
    while (this.#isWanted && !this.#stopping.signal.aborted) {
      this.#isWanted = false;
      try {
        await this.#beginDue();
      } catch (fault) {
        this.#needs.report(fault, { doing: "looking for callbacks that are due" });
        this.#wakeIn(STORE_PAUSE_MS);
      }
    }
  }

  async #beginDue(): Promise<void> {
    const now = this.#needs.clock.now().getTime();
    const limit = DELIVERIES_MAX - this.#underWay.size;
    // The end of a delivery wakes us.
    if (limit <= 0) return;
    const { due, nextAt } = await this.#needs.store.dueCallbacks({
      now,
      limit,
      perTarget: TARGET_DELIVERIES_MAX,
      skipSeqs: [...this.#underWay.keys()],
      skipTargets: [...new Set([...this.#underWay.values()].map(({ target }) => target))].filter((target) =>
        this.#isFull(target),
      ),
      afterTarget: this.#lastTarget,
    });
    for (const callback of due) if (!this.#isFull(callback.target)) this.#begin(callback);
    this.#lastTarget = due.at(-1)?.target ?? "";
    if (nextAt !== null) this.#wakeIn(nextAt - this.#needs.clock.now().getTime());
  }

  #isFull(target: string): boolean {
    const max = this.#failing.has(target) ? FAILING_TARGET_DELIVERIES_MAX : TARGET_DELIVERIES_MAX;
    let count = 0;
    for (const delivery of this.#underWay.values()) if (delivery.target === target) count += 1;
    return count >= max;
  }

  #begin(callback: DueCallback): void {
    if (this.#stopping.signal.aborted) return;
    const { seq } = callback.event;
    const done = this.#deliver(callback).finally(() => {
      this.#underWay.delete(seq);
      this.wake();
    });
    this.#underWay.set(seq, { target: callback.target, done });
  }

  async #deliver(callback: DueCallback): Promise<void> {
    const outcome = await this.#attempt(callback);
    if (outcome.kind === "stopped") return;
    this.#remember(callback.target, outcome);
    try {
      await this.#record(callback, outcome);
    } catch (fault) {
      this.#needs.report(fault, { doing: "recording a callback", host: hostOf(callback) });
      await this.#needs.clock.sleep(STORE_PAUSE_MS, this.#stopping.signal).catch(() => undefined);
    }
  }

  #remember(target: string, { kind }: Outcome): void {
    // To forget them costs no more than a few connections that wait in vain.
    if (this.#failing.size >= FAILING_TARGETS_MAX) this.#failing.clear();
    if (kind === "failed") this.#failing.add(target);
    else this.#failing.delete(target);
  }

  async #record(callback: DueCallback, outcome: Outcome): Promise<void> {
    const { store, clock, randomFraction } = this.#needs;
    const { event, url, attempts, since } = callback;
    if (outcome.kind === "stopped") return;
    const { word } = outcome;
    const now = clock.now();
    const at = now.getTime();
    if (outcome.kind === "delivered")
      return store.callbackDone(event.seq, { outcome: "delivered", word, at });
    if (outcome.kind === "gone") {
      this.#tell("The receiver of a callback wants no more (410): its callbacks are dropped", callback);
      return store.dropCallbacks({ procId: event.procId, url, word, at });
    }
    const failed = { attempts, since, retryAfterMs: outcome.retryAfterMs };
    const pause = nextPauseMs(failed, { now, fraction: randomFraction() });
    if (pause !== null)
      return store.callbackFailed(event.seq, { nextAttemptAt: at + pause, error: word, at });
    this.#tell(`A callback is given up after ${attempts + 1} attempts: ${word}`, callback);
    return store.callbackDone(event.seq, { outcome: "given-up", word, at });
  }

  async #attempt({ url, event, secrets }: DueCallback): Promise<Outcome> {
    const { clock } = this.#needs;
    const timeout = new AbortController();
    const over = new AbortController();
    clock.sleep(DELIVERY_TIMEOUT_MS, over.signal).then(
      () => timeout.abort(),
      () => undefined,
    );
    const stop = () => timeout.abort();
    this.#stopping.signal.addEventListener("abort", stop, { once: true });
    try {
      const answer = await postCallback({
        url,
        event,
        secrets,
        time: clock.now(),
        signal: timeout.signal,
        judge: this.#needs.judge,
      });
      return judgeAnswer(answer, clock.now());
    } catch (error) {
      if (this.#stopping.signal.aborted) return { kind: "stopped" };
      const word = timeout.signal.aborted ? `no answer in ${DELIVERY_TIMEOUT_MS} ms` : wordOf(error);
      return { kind: "failed", word, retryAfterMs: null };
    } finally {
      over.abort();
      this.#stopping.signal.removeEventListener("abort", stop);
    }
  }

  #wakeIn(ms: number): void {
    this.#sleep.abort();
    this.#sleep = new AbortController();
    this.#needs.clock.sleep(Math.min(Math.max(ms, 0), SLEEP_MS_MAX), this.#sleep.signal).then(
      () => this.wake(),
      () => undefined,
    );
  }

  #tell(message: string, callback: DueCallback): void {
    // The rest of the URL may be a secret.
    this.#needs.report(new Error(message), { host: hostOf(callback), procId: callback.event.procId });
  }
}

function judgeAnswer({ status, retryAfter }: PostAnswer, now: Date): Outcome {
  const word = `status ${status}`;
  if (status >= 200 && status < 300) return { kind: "delivered", word };
  if (status === 410) return { kind: "gone", word };
  return { kind: "failed", word, retryAfterMs: parseRetryAfter(retryAfter, now) };
}

/** Without the message, which may hold the URL. */
function wordOf(error: unknown): string {
  if (error instanceof RefusedAddress) return error.message;
  if (error instanceof Error && "code" in error && typeof error.code === "string") return error.code;
  return "no connection";
}

function hostOf({ url }: DueCallback): string {
  return new URL(url).host;
}
