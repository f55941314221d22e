import type { Command, Invocation } from "../command.ts";
import { printJson } from "../output/print.ts";
import { findTemplate } from "./find-template.ts";

export const templateRmCommand: Command = {
  path: ["template", "rm"],
  arguments: "NAME...",
  argumentCount: [1, Infinity],
  summary: "Remove templates that no proc uses",
  details: "All versions of them. A proc that has ended uses its template until it is forgotten: sharku rm.",
  options: {},
  examples: ["sharku template rm py", "sharku template rm py java"],
  run: rm,
};

async function rm(call: Invocation): Promise<number> {
  const removed: string[] = [];
  for (const word of call.args) {
    const { name } = await findTemplate(call.client, word);
    await call.client.deleteTemplate(name);
    removed.push(name);
    if (!call.json) call.io.stdout.write(call.quiet ? `${name}\n` : `${name} is removed\n`);
  }
  if (call.json) printJson(call.io.stdout, removed);
  return 0;
}
