import { SharkuError } from "../../contract/errors.ts";
import type { Command, Invocation } from "../command.ts";
import { CliError } from "../errors.ts";
import { exitCode } from "../exit-codes.ts";
import { printJson } from "../output/print.ts";
import { reportError } from "../report-error.ts";
import { findTemplate } from "./find-template.ts";

export const templateRmCommand: Command = {
  path: ["template", "rm"],
  arguments: "NAME...",
  argumentCount: [1, Infinity],
  summary: "Remove templates that no proc uses",
  details:
    "All versions of them. A proc that has ended uses none any more. What cannot be removed keeps no other from it.",
  options: {},
  examples: ["sharku template rm py", "sharku template rm py java"],
  run: rm,
};

async function rm(call: Invocation): Promise<number> {
  const { io, json } = call;
  const removed: string[] = [];
  let code = exitCode("ok");
  for (const word of call.args) {
    try {
      removed.push(await removeOne(call, word));
    } catch (error) {
      // Without a daemon, none of the others will go any better.
      if (!(error instanceof SharkuError) && !(error instanceof CliError)) throw error;
      code = reportError(error, { io, json, target: call.target });
    }
  }
  if (json) printJson(io.stdout, removed);
  return code;
}

async function removeOne(call: Invocation, word: string): Promise<string> {
  const { name } = await findTemplate(call.client, word);
  await call.client.deleteTemplate(name);
  if (!call.json) call.io.stdout.write(call.quiet ? `${name}\n` : `${name} is removed\n`);
  return name;
}
