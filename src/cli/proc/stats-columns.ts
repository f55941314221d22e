import type { Stats } from "../../contract/stats.ts";
import type { Style } from "../output/colors.ts";
import type { Cell, Column } from "../output/table.ts";
import { formatSize } from "../output/units.ts";
import { shortenIds } from "./describe.ts";

/** How the figures of procs are shown, one proc a line. A dash stands for what this host does not count. */

const ID_LENGTH_MIN = 8;
const BAR_CELLS = 5;
/** Eighths of a cell, from nothing to a whole one. */
const EIGHTHS = [" ", "▏", "▎", "▍", "▌", "▋", "▊", "▉", "█"] as const;
const NEAR = 0.75;
const CLOSE = 0.9;

/** `forPeople`: on a terminal, with bars and with ids as short as they can be told apart. */
export function statsColumns(
  items: readonly Stats[],
  { forPeople }: { forPeople: boolean },
): Column<Stats>[] {
  const ids = items.map(({ id }) => id);
  const short = forPeople ? shortenIds(ids, ID_LENGTH_MIN) : new Map<string, string>();
  const used = (value: number | undefined, limit: number | null | undefined) =>
    usedCell(value, { limit, forPeople });
  return [
    { title: "ID", cell: ({ id }) => short.get(id) ?? id },
    { title: "APP", cell: ({ app }) => app, widthMax: 16 },
    { title: "NAME", cell: ({ name }) => name, widthMax: 16 },
    { title: "STATE", cell: ({ state }) => state },
    { title: "CPU", cell: cpuCell },
    { title: "MEMORY", cell: ({ memory }) => used(memory?.usedBytes, memory?.limitBytes) },
    { title: "PEAK", cell: ({ memory }) => sizeOf(memory?.peakBytes) },
    { title: "PIDS", cell: ({ pids }) => (pids ? `${pids.current}/${pids.limit ?? "all"}` : "-") },
    { title: "/APP", cell: ({ disk }) => used(disk?.usedBytes, disk?.limitBytes) },
    { title: "NET IN/OUT", cell: netCell },
    { title: "DISK R/W", cell: ioCell },
  ];
}

/** `12%` of one processor while it is watched; of one that has ended, what it took in all. */
function cpuCell({ cpu, rates, isFinal }: Stats): string {
  if (isFinal) return cpu ? `${(cpu.usageMs / 1000).toFixed(1)}s` : "-";
  return rates?.cpuPercent == null ? "-" : `${rates.cpuPercent.toFixed(1)}%`;
}

function usedCell(
  value: number | undefined,
  { limit, forPeople }: { limit: number | null | undefined; forPeople: boolean },
): Cell {
  if (value === undefined) return { text: "-" };
  if (limit == null || limit === 0) return { text: formatSize(value) };
  const text = `${formatSize(value)}/${formatSize(limit)}`;
  const share = value / limit;
  return { text: forPeople ? `${barOf(share)} ${text}` : text, style: styleOf(share) };
}

/** A bar of a few cells, in eighths of one. */
export function barOf(share: number): string {
  const filled = Math.round(Math.min(1, Math.max(0, share)) * BAR_CELLS * 8);
  return Array.from({ length: BAR_CELLS }, (_, cell) => EIGHTHS[Math.min(8, Math.max(0, filled - cell * 8))])
    .join("")
    .replaceAll(" ", "·");
}

function styleOf(share: number): Style | undefined {
  if (share >= CLOSE) return "red";
  return share >= NEAR ? "yellow" : undefined;
}

function netCell({ network, rates }: Stats): string {
  if (network === null) return "-";
  if (rates?.receivedBytesPerSecond == null || rates.sentBytesPerSecond == null)
    return `${formatSize(network.receivedBytes)}/${formatSize(network.sentBytes)}`;
  return `${formatSize(rates.receivedBytesPerSecond)}/${formatSize(rates.sentBytesPerSecond)} /s`;
}

function ioCell({ io, rates }: Stats): string {
  if (io === null) return "-";
  if (rates?.readBytesPerSecond == null || rates.writeBytesPerSecond == null)
    return `${formatSize(io.readBytes)}/${formatSize(io.writeBytes)}`;
  return `${formatSize(rates.readBytesPerSecond)}/${formatSize(rates.writeBytesPerSecond)} /s`;
}

function sizeOf(bytes: number | null | undefined): string {
  return bytes == null ? "-" : formatSize(bytes);
}
