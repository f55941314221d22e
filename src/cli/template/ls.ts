import type { Template } from "../../contract/template.ts";
import type { Command, Invocation } from "../command.ts";
import { printJson } from "../output/print.ts";
import { type Cell, type Column, printTable } from "../output/table.ts";
import { formatAge, formatSize } from "../output/units.ts";

export const templateLsCommand: Command = {
  path: ["template", "ls"],
  arguments: "",
  argumentCount: [0, 0],
  summary: "List the templates, the filesystems that procs run on",
  options: {},
  examples: ["sharku template ls", "sharku template ls -q"],
  run: ls,
};

async function ls(call: Invocation): Promise<number> {
  const output = call.io.stdout;
  const { items } = await call.client.listTemplates();
  if (call.json) printJson(output, items);
  else if (call.quiet) for (const template of items) output.write(`${template.name}\n`);
  else {
    const nowMs = call.io.now().getTime();
    const columns: Column<Template>[] = [
      { title: "NAME", cell: ({ name }) => name, widthMax: 20 },
      { title: "KIND", cell: ({ kind }) => kind },
      { title: "STATE", cell: templateState },
      { title: "SIZE", cell: ({ bytes }) => (bytes === null ? "-" : formatSize(bytes)) },
      { title: "AGE", cell: ({ createdAt }) => (createdAt ? formatAge(nowMs - Date.parse(createdAt)) : "-") },
      { title: "PROCS", cell: ({ procs }) => String(procs) },
      { title: "DESCRIPTION", cell: ({ description }) => description },
    ];
    printTable(columns, { items, output, paint: call.paint.stdout });
  }
  return 0;
}

/** `ready` means that procs can be started on it, whatever is being built for later. */
export function templateState({ state, build }: Template): Cell {
  const percent = build === null || build.percent === null ? "" : `(${build.percent}%)`;
  if (state === "building") return { text: `building${percent}`, style: "yellow" };
  return { text: build === null ? "ready" : `ready, building${percent}`, style: "green" };
}
