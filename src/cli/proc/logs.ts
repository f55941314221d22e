import { type LogRecord, logStreams } from "../../contract/event.ts";
import type { Proc } from "../../contract/proc.ts";
import type { LogQuery } from "../../contract/routes.ts";
import type { Command, Invocation } from "../command.ts";
import { CliError, UsageError } from "../errors.ts";
import { findProcs, getProcIfAny } from "../find-procs.ts";
import { mergeSorted } from "../merge-streams.ts";
import { writeLogLine } from "../output/log-lines.ts";
import { remark } from "../output/print.ts";
import { escapeControls } from "../output/sanitize.ts";
import { parseDuration } from "../output/units.ts";
import { hasEnded, neverRan, reasonOfEnd } from "./await-proc.ts";
import { followLog } from "./follow-log.ts";

/** Each log read is a connection. */
const LOGS_MAX = 200;

export const logsCommand: Command = {
  path: ["logs"],
  arguments: "APP|ID",
  argumentCount: [1, 1],
  summary: "Print the log of a proc, or of all procs of an app",
  details:
    "The logs of an app are merged by time, each line after the name of its proc. On a terminal, control " +
    "sequences other than colours are left out; in a pipe or a file the lines are the app's own, byte for byte.",
  options: {
    follow: { type: "boolean", short: "f", help: "go on as lines come, until the procs have ended" },
    tail: { type: "string", short: "n", value: "N", help: "only the last N lines of each proc" },
    since: { type: "string", value: "TIME", help: "only what is younger: 10m, or 2026-01-31T12:00:00Z" },
    stream: { type: "string", value: "NAME", help: `one of ${logStreams.join(", ")}` },
    timestamps: { type: "boolean", short: "t", help: "with the time of each line" },
  },
  examples: [
    "sharku logs -f guestbook",
    "sharku logs 3f2a --tail 100",
    "sharku logs guestbook --since 10m | grep 500",
  ],
  run: logs,
};

interface Source {
  readonly proc: Proc;
  readonly prefix: string | null;
}

async function logs(call: Invocation): Promise<number> {
  const query = readQuery(call);
  const word = call.args[0] ?? "";
  const { kind, procs } = await findProcs(call.client, word);
  if (procs.length > LOGS_MAX)
    throw new CliError(
      `Cannot read the logs of "${word}": it has ${procs.length} procs, at most ${LOGS_MAX} were wanted`,
    );
  const sources = procs.map((proc) => ({
    proc,
    prefix: kind === "app" ? prefixOf(proc, { procs, call }) : null,
  }));
  const cursors = await printKept(call, { sources, query });
  if (call.options.flag("follow"))
    await Promise.all(
      sources.map((source, index) => printNew(call, { source, index, query, after: cursors[index] })),
    );
  await tellNeverRan(call, procs);
  return 0;
}

/** A log that is empty for want of a run would leave one wondering. */
async function tellNeverRan(call: Invocation, procs: readonly Proc[]): Promise<void> {
  for (const before of procs.filter(({ startedAt }) => startedAt === null)) {
    const isStale = call.options.flag("follow") && !hasEnded(before);
    const proc = isStale ? await getProcIfAny(call.client, before.id) : before;
    if (proc && neverRan(proc))
      remark(call, escapeControls(`${proc.name} (${proc.id}) never started: ${reasonOfEnd(proc)}`));
  }
}

/** Padded on a terminal only: in a pipe a line must not depend on its neighbours. */
function prefixOf(proc: Proc, { procs, call }: { procs: readonly Proc[]; call: Invocation }): string {
  const width = call.io.stdout.isTTY ? Math.max(...procs.map(({ name }) => name.length)) : 0;
  return proc.name.padEnd(width);
}

/** Everything up to now, in the order of time; answers where each log was left. */
async function printKept(
  call: Invocation,
  { sources, query }: { sources: readonly Source[]; query: LogQuery },
): Promise<(string | undefined)[]> {
  const cursors: (string | undefined)[] = sources.map(() => undefined);
  const streams = sources.map(({ proc }) => call.client.procLogs(proc.id, query));
  for await (const { item, index } of mergeSorted(streams, (a, b) => a.time < b.time)) {
    cursors[index] = item.cursor;
    const source = sources[index];
    if (source) print(call, { record: item, source, index });
  }
  return cursors;
}

async function printNew(
  call: Invocation,
  {
    source,
    index,
    query,
    after,
  }: { source: Source; index: number; query: LogQuery; after: string | undefined },
): Promise<void> {
  const { tail: _, ...untouched } = query;
  // Where nothing was kept, all there will be is new.
  const from = after === undefined ? untouched : { ...(query.stream && { stream: query.stream }), after };
  for await (const record of followLog(call, { id: source.proc.id, query: from }))
    print(call, { record, source, index });
}

function print(
  call: Invocation,
  { record, source, index }: { record: LogRecord; source: Source; index: number },
): void {
  const { io, json, paint, options } = call;
  if (json) {
    const { id, app, name } = source.proc;
    io.stdout.write(
      `${JSON.stringify(source.prefix === null ? record : { ...record, proc: { id, app, name } })}\n`,
    );
    return;
  }
  const timestamps = options.flag("timestamps");
  writeLogLine(record, { output: io.stdout, paint: paint.stdout, prefix: source.prefix, index, timestamps });
}

function readQuery(call: Invocation): LogQuery {
  const { options, io } = call;
  const tail = options.integer("tail");
  const stream = options.choice("stream", logStreams);
  const since = options.text("since");
  return {
    ...(tail !== undefined && { tail }),
    ...(stream && { stream }),
    ...(since !== undefined && { since: toTime(since, io.now()) }),
  };
}

function toTime(text: string, now: Date): string {
  const agoMs = parseDuration(text);
  if (agoMs !== null) return new Date(now.getTime() - agoMs).toISOString();
  const time = new Date(text);
  if (/^\d{4}-\d\d-\d\d/.test(text) && !Number.isNaN(time.getTime())) return time.toISOString();
  throw new UsageError(
    `Cannot take --since "${text}": 10m, 2h or a time such as 2026-01-31T12:00:00Z was wanted`,
  );
}
