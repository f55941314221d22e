import type { Delivery, ReplayRequest } from "../../contract/callback.ts";
import type { Command, Invocation } from "../command.ts";
import { UsageError } from "../errors.ts";
import { findOneProc, NothingFound } from "../find-procs.ts";
import type { Style } from "../output/colors.ts";
import { printJson, remark } from "../output/print.ts";
import { type Column, printTable } from "../output/table.ts";
import { formatAge } from "../output/units.ts";

export const callbacksCommand: Command = {
  path: ["callbacks"],
  arguments: "ID",
  argumentCount: [1, 1],
  summary: "List what has become of a proc's callbacks, or have them made again",
  details:
    "Of a proc that is removed, its whole id is wanted. --replay alone makes those again that were given up or called off.",
  options: {
    replay: { type: "boolean", help: "make callbacks again" },
    from: { type: "string", value: "NUMBER", help: "with --replay: those from this event on" },
    to: { type: "string", value: "NUMBER", help: "with --replay: and up to this one" },
  },
  examples: [
    "sharku callbacks web",
    "sharku callbacks 3f2a --replay",
    "sharku callbacks 3f2a --replay --from 120",
  ],
  run: callbacks,
};

async function callbacks(call: Invocation): Promise<number> {
  const id = await idOf(call);
  const wanted = replayOf(call);
  if (wanted !== null) {
    const { seqs } = await call.client.replayCallbacks(id, wanted);
    if (call.json) printJson(call.io.stdout, { seqs });
    else remark(call, `${seqs.length} ${seqs.length === 1 ? "callback is" : "callbacks are"} made again`);
    return 0;
  }
  const deliveries = await Array.fromAsync(call.client.allCallbacks(id));
  if (call.json) printJson(call.io.stdout, deliveries);
  else if (deliveries.length === 0)
    remark(call, "No callbacks: none was asked for, or its events are kept no more");
  else printDeliveries(call, deliveries);
  return 0;
}

function replayOf({ options }: Invocation): ReplayRequest | null {
  const [from, to] = [options.integer("from", { minimum: 1 }), options.integer("to", { minimum: 1 })];
  if (options.flag("replay")) return { ...(from !== undefined && { from }), ...(to !== undefined && { to }) };
  if (from === undefined && to === undefined) return null;
  throw new UsageError(
    "Cannot take --from and --to here: they choose what --replay makes again, give that too",
  );
}

async function idOf({ client, args: [word = ""] }: Invocation): Promise<string> {
  try {
    return (await findOneProc(client, word)).id;
  } catch (error) {
    if (error instanceof NothingFound) return word;
    throw error;
  }
}

const styles: Readonly<Record<Delivery["status"], Style>> = {
  waiting: "yellow",
  delivered: "green",
  "given-up": "red",
  "called-off": "dim",
};

function printDeliveries({ io, paint }: Invocation, items: readonly Delivery[]): void {
  const nowMs = io.now().getTime();
  const columns: Column<Delivery>[] = [
    { title: "EVENT", cell: ({ seq }) => String(seq) },
    { title: "STATE", cell: ({ state }) => state },
    { title: "STATUS", cell: ({ status }) => ({ text: status, style: styles[status] }) },
    { title: "TRIES", cell: ({ attempts }) => String(attempts) },
    { title: "NEXT", cell: ({ nextAttemptAt }) => untilNext(nextAttemptAt, nowMs) },
    { title: "HOST", cell: ({ host }) => host },
    { title: "LAST", cell: ({ lastWord }) => lastWord ?? "" },
  ];
  printTable(columns, { items, output: io.stdout, paint: paint.stdout });
}

function untilNext(time: string | null, nowMs: number): string {
  return time === null ? "" : `in ${formatAge(Math.max(0, Date.parse(time) - nowMs))}`;
}
