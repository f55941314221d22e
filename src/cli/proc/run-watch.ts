import { CannotConnect } from "../../client/cannot-connect.ts";
import type { LogRecord } from "../../contract/event.ts";
import type { Proc } from "../../contract/proc.ts";
import type { Invocation } from "../command.ts";
import { CliError } from "../errors.ts";
import { exitCode } from "../exit-codes.ts";
import { isGone } from "../find-procs.ts";
import type { Interrupts } from "../interrupts.ts";
import { writeLogLine } from "../output/log-lines.ts";
import { printJson, remark } from "../output/print.ts";
import { sanitizeLine } from "../output/sanitize.ts";
import { reportError } from "../report-error.ts";
import {
  awaitProc,
  describeEnd,
  exitCodeOf,
  hasEnded,
  neverRan,
  reasonOfEnd,
  removeProc,
} from "./await-proc.ts";
import { awaitReady, isAwaited } from "./await-ready.ts";
import { addressOf } from "./describe.ts";
import { showFetch } from "./fetch-progress.ts";
import { followLog } from "./follow-log.ts";

/** Between two looks at whether it is ready, where one failed. */
const RETRY_MS = 500;

/** Waits until the proc runs, and is ready where it has checks for that; tells where, and leaves it to itself. */
export async function runDetached(
  call: Invocation,
  { proc: created, interrupts }: { proc: Proc; interrupts: Interrupts },
): Promise<number> {
  const { io, paint } = call;
  const started = await awaitStart(call, created);
  const proc = isAwaited(started) ? await awaitUp(call, { proc: started, interrupts }) : started;
  if (call.json) printJson(io.stdout, proc);
  else if (call.quiet) io.stdout.write(`${proc.id}\n`);
  if (neverRan(proc) || neverCameUp(proc)) throw cannotStart(call, proc);
  if (call.json || call.quiet) return exitCode("ok");
  const lines = [
    ["address", urlOf(proc)],
    ["id", proc.id],
    ["log", `sharku logs -f ${proc.id}`],
    ["stop", `sharku stop ${proc.id}`],
  ] as const;
  const state = hasEnded(proc) ? describeEnd(proc) : "is running";
  io.stdout.write(`${paint.stdout("bold", proc.name)} of ${paint.stdout("bold", proc.app)} ${state}\n`);
  for (const [name, value] of lines)
    if (value) io.stdout.write(`  ${paint.stdout("dim", name.padEnd(8))}${value}\n`);
  return exitCode("ok");
}

/** Whoever waits here has a proc already, and must learn its id where the daemon goes away meanwhile. */
async function awaitStart(call: Invocation, proc: Proc): Promise<Proc> {
  const { client } = call;
  const { id, name } = proc;
  const started = new AbortController();
  const shown = showFetch(call, { proc, signal: started.signal });
  try {
    return await awaitProc(client, id, { until: "running" });
  } catch (error) {
    if (!(error instanceof CannotConnect)) throw error;
    throw new CliError(
      `Cannot see ${name} "${id}" start: the daemon has gone away, the proc exists and goes on when it is back, ` +
        `see then: sharku wait ${id} --until running`,
      { exit: "unreachable", cause: error },
    );
  } finally {
    started.abort();
    await shown;
  }
}

/** Ctrl-C ends the waiting, and leaves the proc to itself. */
async function awaitUp(
  { client }: Invocation,
  { proc: { id, name }, interrupts }: { proc: Proc; interrupts: Interrupts },
): Promise<Proc> {
  const over = new AbortController();
  interrupts.handle(() => over.abort());
  if (interrupts.count > 0) over.abort();
  try {
    return await awaitReady(client, id, over.signal);
  } catch (error) {
    if (!over.signal.aborted) throw error;
    throw new CliError(
      `Cannot see ${name} "${id}" ready: interrupted, the proc goes on, see then: sharku wait ${id} --until ready`,
      { exit: "interrupted" },
    );
  }
}

/** Its checks have ended it, or it ended before they passed. */
function neverCameUp({ health, state, readyAt }: Proc): boolean {
  const isChecked = health.startup !== null || health.readiness !== null;
  return isChecked && readyAt === null && (state === "fail" || state === "backoff");
}

/** Stays with the proc until it has ended, as a shell does with a program. */
export async function runInForeground(
  call: Invocation,
  { proc, interrupts }: { proc: Proc; interrupts: Interrupts },
): Promise<number> {
  stopOnInterrupt(call, { proc, interrupts });
  try {
    return await watch(call, { proc, interrupts });
  } finally {
    if (call.options.flag("rm")) await removeProc(call.client, proc.id, { sleep: call.io.sleep });
  }
}

async function watch(
  call: Invocation,
  { proc, interrupts }: { proc: Proc; interrupts: Interrupts },
): Promise<number> {
  const started = await awaitStart(call, proc);
  if (neverRan(started)) {
    if (interrupts.count > 0) return exitCode("interrupted");
    throw cannotStart(call, started);
  }
  announce(call, started);
  const over = new AbortController();
  if (isAwaited(started)) void announceReady(call, { id: proc.id, signal: over.signal });
  try {
    for await (const record of followLog(call, { id: proc.id, query: {} })) printLine(call, record);
  } finally {
    over.abort();
  }
  const ended = await awaitProc(call.client, proc.id, { until: "exited" });
  if (call.json) call.io.stdout.write(`${JSON.stringify({ proc: ended })}\n`);
  if (exitCodeOf(ended) !== 0 || interrupts.count > 0) remark(call, `${ended.name} ${describeEnd(ended)}`);
  return interrupts.count > 0 ? exitCode("interrupted") : exitCodeOf(ended);
}

/** The first asks the proc to end, the second kills it, the third leaves it behind. */
function stopOnInterrupt(
  call: Invocation,
  { proc, interrupts }: { proc: Proc; interrupts: Interrupts },
): void {
  const stop = (count: number): void => {
    // From here on Ctrl-C does what it does to any program.
    if (count === 2) interrupts[Symbol.dispose]();
    const says = ["Stopping", "Killing"][count - 1];
    const next = ["Ctrl-C again kills it", "Ctrl-C again leaves it behind"][count - 1];
    if (says) remark(call, `${says} ${proc.name} (${next})`);
    const request = count === 1 ? {} : { graceMs: 0 };
    call.client.stopProc(proc.id, request).catch((error: unknown) => {
      if (!isGone(error)) reportError(error, { io: call.io, json: call.json, target: null });
    });
  };
  interrupts.handle(stop);
  if (interrupts.count > 0) stop(1);
}

function announce(call: Invocation, proc: Proc): void {
  const { paint } = call;
  if (call.json) call.io.stdout.write(`${JSON.stringify({ proc })}\n`);
  if (hasEnded(proc)) return;
  const name = `${paint.stderr("bold", proc.name)} of ${paint.stderr("bold", proc.app)}`;
  remark(call, isAwaited(proc) ? `${name} has started` : `${name} is running${whereOf(call, proc)}`);
  remark(call, paint.stderr("dim", `id ${proc.id}, Ctrl-C stops it`));
}

/** Its address is told when it answers there; how it ends otherwise, its end tells. */
async function announceReady(
  call: Invocation,
  { id, signal }: { id: string; signal: AbortSignal },
): Promise<void> {
  const { client, io, paint } = call;
  while (!signal.aborted) {
    // The daemon may be away for a while, and the proc may be started again.
    const proc = await awaitReady(client, id, signal).catch(() => null);
    if (signal.aborted || (proc !== null && hasEnded(proc))) return;
    if (proc !== null && proc.readyAt !== null) {
      remark(call, `${paint.stderr("bold", proc.name)} is ready${whereOf(call, proc)}`);
      return;
    }
    await io.sleep(RETRY_MS);
  }
}

function whereOf({ paint }: Invocation, proc: Proc): string {
  const url = urlOf(proc);
  return url ? ` at ${paint.stderr("cyan", url)}` : "";
}

/** As if the app ran here: its standard error goes to ours. */
function printLine(call: Invocation, record: LogRecord): void {
  const { io, paint } = call;
  if (call.json) {
    io.stdout.write(`${JSON.stringify({ log: record })}\n`);
    return;
  }
  const name = record.stream === "stdout" ? "stdout" : "stderr";
  const plain = { prefix: null, index: 0, timestamps: false };
  writeLogLine(record, { output: io[name], paint: paint[name], ...plain });
}

/** With the last that its app has said, since nobody has seen its log. */
function cannotStart(call: Invocation, proc: Proc): CliError {
  for (const line of (proc.exit ?? proc.lastExit)?.logTail ?? [])
    remark(call, call.paint.stderr("dim", `  ${sanitizeLine(line, { colors: false })}`));
  return new CliError(`Cannot start ${proc.name} "${proc.id}": ${reasonOfEnd(proc)}`);
}

/** A web process speaks HTTP; what a command of one's own does with its port is not known, but it is likely. */
function urlOf(proc: Proc): string | null {
  const address = addressOf(proc);
  if (address === null) return null;
  return proc.process === null || proc.process === "web" ? `http://${address}` : null;
}
