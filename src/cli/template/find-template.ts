import type { SharkuClient } from "../../client/client.ts";
import { SharkuError } from "../../contract/errors.ts";
import type { Template } from "../../contract/template.ts";
import { TemplateName } from "../../contract/words.ts";
import { CliError, UsageError } from "../errors.ts";
import { suggest } from "../suggest.ts";

const LISTED_MAX = 6;
const NAME = new RegExp(String("pattern" in TemplateName ? TemplateName.pattern : ""));

/** Errors: UsageError where it can be no name; CliError, with what is near, where there is none of that name. */
export async function findTemplate(client: SharkuClient, name: string): Promise<Template> {
  if (!NAME.test(name)) throw new UsageError(`Cannot find template "${name}": the name of one was wanted`);
  try {
    return await client.getTemplate(name);
  } catch (error) {
    if (!(error instanceof SharkuError) || error.code !== "template-not-found") throw error;
    const { items } = await client.listTemplates();
    const names = items.map((template) => template.name);
    const near = suggest(name, names);
    const advice = near ? `did you mean ${near}?` : `templates here: ${list(names)}`;
    throw new CliError(`Cannot find template "${name}": there is none of that name, ${advice}`, {
      cause: error,
    });
  }
}

function list(names: readonly string[]): string {
  const more = names.length - LISTED_MAX;
  return names.slice(0, LISTED_MAX).join(", ") + (more > 0 ? ` and ${more} more` : "");
}
