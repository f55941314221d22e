import { INTERVAL_MS_MAX, INTERVAL_MS_MIN, type Stats, type StatsList } from "../../contract/stats.ts";
import type { Command, Invocation } from "../command.ts";
import { UsageError } from "../errors.ts";
import { findAllProcs } from "../find-procs.ts";
import { Interrupts } from "../interrupts.ts";
import { printJson, remark } from "../output/print.ts";
import { printTable } from "../output/table.ts";
import { LiveTable } from "./live-table.ts";
import { statsColumns } from "./stats-columns.ts";

/** Two readings so far apart make the rates where figures are asked for once: the least that the daemon takes. */
const ONCE_MS = 500;

const interval = { type: "string", value: "TIME", help: "how often, with -f (default 1s)" } as const;

export const statsCommand: Command = {
  path: ["stats"],
  arguments: "[ID|APP]...",
  argumentCount: [0, Infinity],
  summary: "Show what procs use",
  details:
    "CPU is of one processor, so two busy ones are 200%; of a proc that has ended it is the time that it took in all. " +
    "MEMORY leaves out files that go when room is wanted, and PEAK has them. What this host does not count is a dash.",
  options: {
    follow: { type: "boolean", short: "f", help: "go on, and show it again and again" },
    interval,
  },
  examples: ["sharku stats", "sharku stats guestbook -f", "sharku stats --json | jq '.[].memory.usedBytes'"],
  run: async (call) => await stats(call, call.options.flag("follow")),
};

export const topCommand: Command = {
  path: ["top"],
  arguments: "[ID|APP]...",
  argumentCount: [0, Infinity],
  summary: "Show what procs use, again and again: stats -f",
  options: { interval },
  examples: ["sharku top", "sharku top guestbook --interval 5s"],
  run: async (call) => await stats(call, true),
};

async function stats(call: Invocation, follows: boolean): Promise<number> {
  const chosen = call.args.length === 0 ? null : await findAllProcs(call.client, call.args);
  const ids = chosen === null ? null : new Set(chosen.map(({ id }) => id));
  const pick = ({ items }: StatsList) => (ids === null ? items : items.filter(({ id }) => ids.has(id)));
  // Who names a proc that has ended wants to see what it has used.
  const ended = ids !== null;
  if (follows) return await follow(call, { pick, ended });
  const items = await takeOnce(call, { pick, ended });
  if (call.json) printJson(call.io.stdout, items);
  else if (call.quiet) for (const { id } of items) call.io.stdout.write(`${id}\n`);
  else if (items.length === 0) remark(call, "No procs that have not ended. Start one with: sharku run .");
  else printStats(call, items);
  return 0;
}

interface Wanted {
  readonly pick: (list: StatsList) => Stats[];
  readonly ended: boolean;
}

/** With rates, where anything runs. */
async function takeOnce({ client }: Invocation, { pick, ended }: Wanted): Promise<Stats[]> {
  const first = pick(await client.allStats({ ended }));
  if (first.every(({ isFinal }) => isFinal)) return first;
  let taken = first;
  let lists = 0;
  for await (const list of client.followAllStats({ ended, intervalMs: ONCE_MS })) {
    taken = pick(list);
    lists += 1;
    if (lists === 2) break;
  }
  return taken;
}

async function follow(call: Invocation, { pick, ended }: Wanted): Promise<number> {
  const { client, io } = call;
  const intervalMs = readInterval(call);
  const stopped = new AbortController();
  using interrupts = new Interrupts(io);
  interrupts.handle(() => stopped.abort());
  using table = new LiveTable(call);
  const query = { ended, ...(intervalMs !== undefined && { intervalMs }) };
  for await (const list of client.followAllStats(query, { signal: stopped.signal })) {
    const items = pick(list);
    if (call.json) io.stdout.write(`${JSON.stringify({ time: list.time, items })}\n`);
    else if (table.isLive) table.show((output) => printStats(call, busiestFirst(items), output));
    else for (const line of plainLines(list.time, items)) io.stdout.write(line);
  }
  return 0;
}

function readInterval({ options }: Invocation): number | undefined {
  const intervalMs = options.durationMs("interval");
  if (intervalMs === undefined || (intervalMs >= INTERVAL_MS_MIN && intervalMs <= INTERVAL_MS_MAX))
    return intervalMs;
  throw new UsageError(
    `Cannot take --interval "${options.text("interval")}": a time from 500ms to 1h was wanted`,
  );
}

function busiestFirst(items: readonly Stats[]): Stats[] {
  return [...items].sort((a, b) => (b.rates?.cpuPercent ?? -1) - (a.rates?.cpuPercent ?? -1));
}

function printStats(call: Invocation, items: readonly Stats[], output = call.io.stdout): void {
  const forPeople = call.io.stdout.isTTY === true;
  printTable(statsColumns(items, { forPeople }), { items, output, paint: call.paint.stdout });
}

/** For a pipe: a line for each proc at each time, its words in the same order always and set apart by tabs. */
function plainLines(time: string, items: readonly Stats[]): string[] {
  const columns = statsColumns(items, { forPeople: false });
  return items.map((item) => {
    const cells = columns.map(({ cell }) => cell(item));
    return `${[time, ...cells.map((cell) => (typeof cell === "string" ? cell : cell.text))].join("\t")}\n`;
  });
}
