import type { Df, FileSystem, Held, HeldItem } from "../../contract/df.ts";
import type { Command, Invocation } from "../command.ts";
import { printJson, remark } from "../output/print.ts";
import { escapeControls } from "../output/sanitize.ts";
import { printTable } from "../output/table.ts";
import { formatSize } from "../output/units.ts";

export const dfCommand: Command = {
  path: ["df"],
  arguments: "",
  argumentCount: [0, 0],
  summary: "Tell what takes room on the disk, and what could give some back",
  details:
    "Sizes are what is allocated on the disk, each byte told once, also what procs have written to /app, which no " +
    "listing of the directory shows.",
  options: {
    verbose: { type: "boolean", short: "v", help: "each image, template, proc and file" },
  },
  examples: ["sharku df", "sharku df -v"],
  run: df,
};

const BAR_WIDTH = 20;
const WARN_SHARE = 0.8;

async function df(call: Invocation): Promise<number> {
  const details = call.options.flag("verbose");
  const told = await call.client.df(details ? { details } : {});
  const { stdout } = call.io;
  if (call.json) {
    printJson(stdout, told);
    return 0;
  }
  printKinds(call, told);
  if (details) for (const held of told.held) printItems(call, held);
  stdout.write("\n");
  for (const fileSystem of told.fileSystems) stdout.write(`${lineOf(fileSystem, call)}\n`);
  stdout.write(`${collectionLine(told)}\n`);
  for (const hint of hintsOf(told)) remark(call, hint);
  return 0;
}

function printKinds(call: Invocation, { held, stateBytes, runBytes }: Df): void {
  const rows = held.filter(({ count, bytes }) => count > 0 || bytes > 0);
  const freeableBytes = rows.reduce((sum, row) => sum + row.freeableBytes, 0);
  const total = { kind: "all", count: null, inUse: null, bytes: stateBytes + runBytes, freeableBytes };
  printTable<(typeof rows)[number] | typeof total>(
    [
      { title: "WHAT", cell: ({ kind }) => kind },
      { title: "COUNT", cell: ({ count }) => (count === null ? "" : String(count)) },
      { title: "IN USE", cell: ({ inUse }) => (inUse === null ? "" : String(inUse)) },
      { title: "SIZE", cell: ({ bytes }) => formatSize(bytes) },
      { title: "CAN GO", cell: (row) => (row.freeableBytes > 0 ? formatSize(row.freeableBytes) : "") },
    ],
    { items: [...rows, total], output: call.io.stdout, paint: call.paint.stdout },
  );
}

function printItems(call: Invocation, { kind, items = [] }: Held): void {
  if (items.length === 0) return;
  const { stdout } = call.io;
  stdout.write("\n");
  const largest = [...items].sort((one, other) => other.bytes - one.bytes);
  printTable<HeldItem>(
    [
      { title: kind.toUpperCase(), cell: ({ name }) => name },
      { title: "SIZE", cell: ({ bytes }) => formatSize(bytes) },
      { title: "", cell: ({ note, inUse }) => note ?? (inUse ? "in use" : "") },
    ],
    { items: largest, output: stdout, paint: call.paint.stdout },
  );
}

function lineOf({ path, totalBytes, freeBytes, files, freeFiles }: FileSystem, call: Invocation): string {
  const share = shareUsed(totalBytes, freeBytes);
  const words = [
    `${percent(share)} of ${formatSize(totalBytes)} used, ${formatSize(freeBytes)} free`,
    files === null ? [] : `${percent(shareUsed(files, freeFiles ?? 0))} of ${files} files`,
  ].flat();
  const bar = call.io.stdout.isTTY ? `${barOf(share, call)} ` : "";
  return `${escapeControls(path)}  ${bar}${words.join("; ")}`;
}

function barOf(share: number, { paint }: Invocation): string {
  const full = Math.round(share * BAR_WIDTH);
  const bar = "█".repeat(full) + "░".repeat(BAR_WIDTH - full);
  return share > WARN_SHARE ? paint.stdout("yellow", bar) : bar;
}

function collectionLine({ collection }: Df): string {
  const { high, low, excessBytes, excessFiles, shortage } = collection;
  if (shortage !== null) return escapeControls(shortage);
  if (excessBytes > 0 || excessFiles > 0)
    return `unused images of ${formatSize(excessBytes)} and ${excessFiles} files go within a minute`;
  return `unused images go where it is more than ${percent(high)} full, until it is ${percent(low)} full`;
}

/** What a person can do, the most first. */
function hintsOf({ held }: Df): string[] {
  const commands: Partial<Record<Held["kind"], string>> = {
    images: "sharku image prune --all",
    templates: "sharku template rm NAME",
    logs: "sharku rm ID, of procs that have ended,",
  };
  return held
    .filter(({ kind, freeableBytes }) => freeableBytes > 0 && commands[kind] !== undefined)
    .sort((one, other) => other.freeableBytes - one.freeableBytes)
    .map(({ kind, freeableBytes }) => `${commands[kind]} gives back up to ${formatSize(freeableBytes)}`);
}

function shareUsed(total: number, free: number): number {
  return total === 0 ? 0 : (total - free) / total;
}

function percent(share: number): string {
  return `${Math.round(share * 100)} %`;
}
