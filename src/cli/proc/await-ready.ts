import type { SharkuClient } from "../../client/client.ts";
import { SharkuError } from "../../contract/errors.ts";
import type { Proc } from "../../contract/proc.ts";

/** One look at it is no longer than this: a proc that is started again and again may never be ready. */
const LOOK_MS = 2_000;

/** Whether there is something to wait for after it runs. */
export function isAwaited({ health, state, readyAt }: Proc): boolean {
  return (health.startup !== null || health.readiness !== null) && state === "running" && readyAt === null;
}

/**
 * Waits until it has been ready, has ended, or waits to be started again. Errors: those of the client, `proc-not-found`
 * among them; the signal's reason.
 */
export async function awaitReady(client: SharkuClient, id: string, signal: AbortSignal): Promise<Proc> {
  while (true) {
    // Ends with the proc's state or the signal: a proc whose checks neither pass nor fail is ended by the daemon.
    signal.throwIfAborted();
    try {
      return await client.waitProc(id, { until: "ready", timeoutMs: LOOK_MS }, { signal });
    } catch (error) {
      if (!(error instanceof SharkuError && error.code === "wait-timeout")) throw error;
    }
    const proc = await client.getProc(id, { signal });
    if (proc.state === "backoff") return proc;
  }
}
