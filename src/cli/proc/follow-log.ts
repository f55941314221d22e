import { CannotConnect, ConnectionLost } from "../../client/cannot-connect.ts";
import { SharkuError } from "../../contract/errors.ts";
import type { LogRecord } from "../../contract/event.ts";
import type { LogQuery } from "../../contract/routes.ts";
import type { Invocation } from "../command.ts";
import { getProcIfAny, isGone } from "../find-procs.ts";
import { hasEnded } from "./await-proc.ts";

const RETRY_MS = 500;
/** Between the end of a stream and the question whether that was the proc's end too. */
const END_MS = 20;
/** About half a minute: a daemon that is restarted is back long before. */
const RETRIES_MAX = 60;

/**
 * A proc's log until the proc has ended. Procs outlive their daemon: where the connection is lost, it goes on
 * from the last record as soon as a daemon answers again.
 */
export async function* followLog(
  call: Pick<Invocation, "client" | "io">,
  options: { id: string; query: LogQuery },
): AsyncGenerator<LogRecord, void> {
  const { client, io } = call;
  let query = options.query;
  let failures = 0;
  while (failures <= RETRIES_MAX) {
    try {
      // Asked before reading: what is read after a known end is all there is.
      const proc = await getProcIfAny(client, options.id);
      const isLast = !proc || hasEnded(proc);
      for await (const record of client.procLogs(options.id, { ...query, follow: !isLast })) {
        query = { ...(query.stream && { stream: query.stream }), after: record.cursor };
        failures = 0;
        yield record;
      }
      if (isLast) return;
      await io.sleep(END_MS);
    } catch (error) {
      if (isGone(error)) return;
      if (!isBackSoon(error) || failures === RETRIES_MAX) throw error;
      failures += 1;
      await io.sleep(RETRY_MS);
    }
  }
}

/** No daemon answers, or one that does not know its procs yet. */
function isBackSoon(error: unknown): boolean {
  const isStartingUp = error instanceof SharkuError && error.code === "starting-up";
  return isStartingUp || error instanceof CannotConnect || error instanceof ConnectionLost;
}
