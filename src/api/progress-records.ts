import type { FastifyRequest } from "fastify";
import { type Problem, toProblem } from "../contract/errors.ts";
import { toldError } from "./problem.ts";

/** What a long call does, and how its streamed answer tells of it. */
export interface LongCall<Progress, Result, Last> {
  readonly work: (onProgress: (progress: Progress) => void) => Promise<Result>;
  /** The last record, where it succeeds. */
  readonly last: (result: Result) => Last;
  /** Whether a word of it may be left out where a newer one waits already. */
  readonly isDated: (progress: Progress) => boolean;
  /** Aborts where the caller has gone. */
  readonly signal: AbortSignal;
}

/** A caller who reads no faster misses the oldest. */
const WAITING_MAX = 1000;

/**
 * What is told of a long call: the newest progress whenever there is some, then how it ended. One that fails before
 * its first progress throws, and is answered like any other call.
 */
export async function* progressRecords<Progress, Result, Last>(
  { work, last, isDated, signal }: LongCall<Progress, Result, Last>,
  request: FastifyRequest,
): AsyncGenerator<{ progress: Progress } | Last | { problem: Problem }, void> {
  const news: { readonly waiting: Progress[]; isOver: boolean; wake: () => void } = {
    waiting: [],
    isOver: false,
    wake: () => undefined,
  };
  const worked = work((progress) => {
    const before = news.waiting.at(-1);
    if (before !== undefined && isDated(before)) news.waiting.pop();
    if (news.waiting.push(progress) > WAITING_MAX) news.waiting.shift();
    news.wake();
  });
  const over = worked
    .catch(() => undefined)
    .finally(() => {
      news.isOver = true;
      news.wake();
    });
  let hasBegun = false;
  try {
    // Ends with the work.
    while (!news.isOver || news.waiting.length > 0) {
      const woken = new Promise<void>((resolve) => {
        news.wake = resolve;
      });
      const progress = news.waiting.shift();
      if (progress === undefined) await woken;
      else {
        hasBegun = true;
        yield { progress };
      }
    }
    yield last(await worked);
  } catch (error) {
    if (!hasBegun) throw error;
    // Nobody is told, and it is no fault.
    if (signal.aborted) return;
    yield { problem: toProblem(toldError(error, request.log)) };
  } finally {
    await over;
  }
}
