import type { Proc } from "../../contract/proc.ts";
import { procStates } from "../../contract/states.ts";
import type { Command, Invocation } from "../command.ts";
import { printJson, remark } from "../output/print.ts";
import { type Column, printTable } from "../output/table.ts";
import { formatAge } from "../output/units.ts";
import { addressOf, commandLine, idColumn, stateCell } from "./describe.ts";

export const psCommand: Command = {
  path: ["ps"],
  arguments: "[APP]",
  argumentCount: [0, 1],
  summary: "List the procs, the ended ones too as long as they are kept",
  details: "On a terminal, ids are shortened to what tells them apart; every command takes them so.",
  options: {
    app: { type: "string", value: "APP", help: "of this app only" },
    state: { type: "string", value: "STATE", help: `one of ${procStates.join(", ")}` },
    label: { type: "string", value: "K[=V]", help: "with this label only" },
    all: { type: "boolean", short: "a", help: "taken out of habit: all are shown anyway" },
  },
  examples: [
    "sharku ps",
    "sharku ps guestbook",
    "sharku ps -q --state running",
    "sharku ps --json | jq '.[].id'",
  ],
  run: ps,
};

async function ps(call: Invocation): Promise<number> {
  const { io, options } = call;
  const app = call.args[0] ?? options.text("app");
  const state = options.choice("state", procStates);
  const label = options.text("label");
  const filter = { ...(app && { app }), ...(state && { state }), ...(label && { label }), limit: 1000 };
  const procs = await Array.fromAsync(call.client.allProcs(filter));
  if (call.json) printJson(io.stdout, procs);
  else if (call.quiet) for (const proc of procs) io.stdout.write(`${proc.id}\n`);
  else if (procs.length === 0)
    remark(call, `No procs${app ? ` of app "${app}"` : ""}. Start one with: sharku run .`);
  else printProcs(call, procs);
  return 0;
}

function printProcs(call: Invocation, procs: readonly Proc[]): void {
  const output = call.io.stdout;
  const nowMs = call.io.now().getTime();
  const columns: Column<Proc>[] = [
    idColumn(procs, output),
    { title: "APP", cell: (proc) => proc.app, widthMax: 16 },
    { title: "NAME", cell: (proc) => proc.name, widthMax: 16 },
    { title: "STATE", cell: stateCell },
    { title: "ADDRESS", cell: (proc) => addressOf(proc) ?? "-" },
    { title: "AGE", cell: (proc) => formatAge(nowMs - Date.parse(proc.createdAt)) },
    { title: "COMMAND", cell: (proc) => commandLine(proc.command) },
  ];
  printTable(columns, { items: procs, output, paint: call.paint.stdout });
}
