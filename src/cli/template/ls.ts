import type { Command, Invocation } from "../command.ts";
import { printJson } from "../output/print.ts";
import { printTable } from "../output/table.ts";

export const templateLsCommand: Command = {
  path: ["template", "ls"],
  arguments: "",
  argumentCount: [0, 0],
  summary: "List the templates, the filesystems that procs run on",
  options: {},
  examples: ["sharku template ls"],
  run: ls,
};

async function ls(call: Invocation): Promise<number> {
  const output = call.io.stdout;
  const { items } = await call.client.listTemplates();
  if (call.json) printJson(output, items);
  else if (call.quiet) for (const template of items) output.write(`${template.name}\n`);
  else
    printTable(
      [
        { title: "NAME", cell: (template) => template.name },
        { title: "KIND", cell: (template) => template.kind },
        { title: "DESCRIPTION", cell: (template) => template.description },
      ],
      { items, output, paint: call.paint.stdout },
    );
  return 0;
}
