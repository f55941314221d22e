import assert from "node:assert/strict";
import type { Event, LogRecord, Proc, ProcSpec, SharkuClient } from "../../src/client/client.ts";
import { stretched } from "../until.ts";
import { isSharkuError } from "./expect-error.ts";

/** What host tests ask of a daemon again and again. */

/** No longer than a call may wait. */
const WAIT_MS = Math.min(stretched(60_000), 300_000);
const ANSWER_MS_MAX = stretched(10_000);

export async function runProc(client: SharkuClient, spec: Partial<ProcSpec>): Promise<Proc> {
  const proc = await client.createProc({ app: "test", name: "one", ...spec });
  return await untilRunning(client, proc.id);
}

export async function untilRunning(client: SharkuClient, id: string): Promise<Proc> {
  return await client.waitProc(id, { until: "running", timeoutMs: WAIT_MS });
}

export async function untilExited(client: SharkuClient, id: string): Promise<Proc> {
  return await client.waitProc(id, { until: "exited", timeoutMs: WAIT_MS });
}

/** The lines of its log so far. */
export async function linesOf(client: SharkuClient, id: string): Promise<string[]> {
  const records: LogRecord[] = await Array.fromAsync(client.procLogs(id));
  return records.filter(({ stream }) => stream !== "system").map(({ line }) => line ?? "");
}

/** Waits until its log says it. */
export async function untilLine(client: SharkuClient, id: string, wanted: RegExp): Promise<string> {
  const signal = AbortSignal.timeout(WAIT_MS);
  const seen: string[] = [];
  for await (const { line = "" } of client.procLogs(id, { follow: true }, { signal })) {
    seen.push(line);
    if (wanted.test(line)) return line;
  }
  return assert.fail(`proc ${id} never said ${wanted}, but:\n${seen.join("\n")}`);
}

export async function eventsSoFar(client: SharkuClient): Promise<Event[]> {
  return await Array.fromAsync(client.events({ after: 0 }));
}

/** Asks its web server, by the port published on loopback. */
export async function ask(proc: Proc, path = "/"): Promise<string> {
  const response = await fetch(`http://${proc.address}${path}`, {
    signal: AbortSignal.timeout(ANSWER_MS_MAX),
  });
  assert.equal(response.status, 200);
  return await response.text();
}

export async function isGone(client: SharkuClient, id: string): Promise<boolean> {
  return await client.getProc(id).then(
    () => false,
    (error: unknown) => isSharkuError(error, "proc-not-found"),
  );
}
