import { constants } from "node:os";
import type { SharkuClient } from "../../client/client.ts";
import { SharkuError } from "../../contract/errors.ts";
import type { Exit, Proc } from "../../contract/proc.ts";
import type { WaitGoal } from "../../contract/routes.ts";
import { finalStates } from "../../contract/states.ts";
import { CliError } from "../errors.ts";
import { exitCode } from "../exit-codes.ts";
import { getProcIfAny, isGone } from "../find-procs.ts";

/** One request waits no longer than this; then the next one follows. */
const WAIT_MS = 60_000;
/** How long the last of an ended proc may take to be given back. */
const REMOVAL_MS_MAX = 120_000;
const POLL_MS_MIN = 20;
const POLL_MS_MAX = 500;

export function hasEnded(proc: Proc): boolean {
  return finalStates.includes(proc.state);
}

/** It ended, and its command was never executed. */
export function neverRan(proc: Proc): boolean {
  return hasEnded(proc) && proc.startedAt === null;
}

/** In the daemon's words, or the nearest thing to them. */
export function reasonOfEnd({ exit, lastExit, state }: Proc): string {
  const last = exit ?? lastExit;
  return last ? reasonOfExit(last) : state;
}

export function reasonOfExit({ message, reason }: Exit): string {
  return message || reason;
}

/** Waits as long as it takes, or for `timeoutMs`. Errors: `wait-timeout`, `proc-not-found`. */
export async function awaitProc(
  client: SharkuClient,
  id: string,
  goal: { until: WaitGoal; timeoutMs?: number | undefined },
): Promise<Proc> {
  let leftMs = goal.timeoutMs ?? Infinity;
  while (true) {
    // Ends with the proc's state, or when no time is left.
    const timeoutMs = Math.min(WAIT_MS, leftMs);
    leftMs -= timeoutMs;
    try {
      return await client.waitProc(id, { until: goal.until, timeoutMs });
    } catch (error) {
      const isTimeout = error instanceof SharkuError && error.code === "wait-timeout";
      if (!isTimeout || leftMs <= 0) throw error;
    }
  }
}

/** Deletes a proc and waits until nothing is left of it; one that is gone already is fine. */
export async function removeProc(
  client: SharkuClient,
  id: string,
  options: { graceMs?: number | undefined; sleep: (ms: number) => Promise<void> },
): Promise<void> {
  const { graceMs, sleep } = options;
  try {
    await client.deleteProc(id, graceMs === undefined ? {} : { graceMs });
    await awaitProc(client, id, { until: "exited" });
  } catch (error) {
    if (isGone(error)) return;
    throw error;
  }
  let pollMs = POLL_MS_MIN;
  for (let waitedMs = 0; waitedMs < REMOVAL_MS_MAX; waitedMs += pollMs) {
    if ((await getProcIfAny(client, id)) === null) return;
    pollMs = Math.min(POLL_MS_MAX, pollMs * 1.5);
    await sleep(pollMs);
  }
  throw new CliError(`Cannot see proc "${id}" gone: the daemon is still at it, look again with sharku ps`);
}

/** The proc's own exit code; as shells have it where a signal ended it, and 1 where nobody saw its end. */
export function exitCodeOf(proc: Proc): number {
  const exit = proc.exit;
  if (!exit) return exitCode("refused");
  // One that the daemon has ended for a fault may have gone with 0 when it was asked to.
  if (exit.code === 0 && proc.state === "fail") return exitCode("refused");
  if (exit.code !== null) return exit.code;
  const numbers: Readonly<Record<string, number>> = constants.signals;
  const number = exit.signal === null ? undefined : numbers[exit.signal];
  return number === undefined ? exitCode("refused") : 128 + number;
}

/** How it ended, in words that follow its name. */
export function describeEnd(proc: Proc): string {
  const exit = proc.exit;
  if (!exit) return `is ${proc.state}`;
  const code = exit.code === null ? "" : `, exit code ${exit.code}`;
  const message = exit.message.charAt(0).toLowerCase() + exit.message.slice(1);
  return `has ended, ${message || exit.reason + code}`;
}
