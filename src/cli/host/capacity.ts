import type { Capacity } from "../../contract/capacity.ts";
import type { Command, Invocation } from "../command.ts";
import { printJson } from "../output/print.ts";
import { printTable } from "../output/table.ts";
import { formatSize } from "../output/units.ts";

export const capacityCommand: Command = {
  path: ["capacity"],
  arguments: "",
  argumentCount: [0, 0],
  summary: "Tell what the host has, what procs were promised, and what is left",
  details:
    "PROMISED are the limits of all procs that have not ended: ceilings, of which most use little. " +
    "No proc is created while less than what is KEPT is free.",
  options: {},
  examples: ["sharku capacity", "sharku capacity --json"],
  run: capacity,
};

interface Row {
  readonly name: string;
  readonly cells: readonly string[];
}

async function capacity(call: Invocation): Promise<number> {
  const found = await call.client.capacity();
  const { stdout } = call.io;
  if (call.json) {
    printJson(stdout, found);
    return 0;
  }
  const titles = ["TOTAL", "PROMISED", "USED", "FREE", "KEPT"];
  printTable<Row>(
    [
      { title: "", cell: ({ name }) => name },
      ...titles.map((title, at) => ({ title, cell: ({ cells }: Row) => cells[at] ?? "-" })),
    ],
    { items: rowsOf(found), output: stdout, paint: call.paint.stdout },
  );
  return 0;
}

function rowsOf({ memory, cpus, disk, processes, slots, ports }: Capacity): Row[] {
  const size = formatSize;
  const { totalBytes, availableBytes } = disk;
  const place = ({ total, used, free }: Capacity["slots"]) => [total, "-", used, free].map(String);
  return [
    {
      name: "memory",
      cells: [
        ...[memory.totalBytes, memory.promisedBytes, memory.usedBytes].map(size),
        ...[memory.availableBytes, memory.keptBytes].map(size),
      ],
    },
    { name: "cpus", cells: [String(cpus.total), promisedCpus(cpus), cpus.loadAverage.toFixed(2)] },
    {
      name: "disk",
      cells: [
        totalBytes,
        disk.promisedBytes,
        totalBytes - availableBytes,
        availableBytes,
        disk.keptBytes,
      ].map(size),
    },
    {
      name: "processes",
      cells: [
        processes.total,
        processes.promised,
        processes.used,
        Math.max(0, processes.total - processes.used),
        processes.kept,
      ].map(String),
    },
    { name: "procs", cells: place(slots) },
    { name: "ports", cells: place(ports) },
  ];
}

/** `1.5 + 3 all`: so much, and three procs that have all. */
function promisedCpus({ promised, unboundProcs }: Capacity["cpus"]): string {
  return unboundProcs === 0 ? String(promised) : `${promised} + ${unboundProcs} all`;
}
