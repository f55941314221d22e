import { join } from "node:path";
import type { Facts } from "../../test/host/probe-facts.ts";
import { lines } from "./lines.ts";

/** What was measured, kept beside the document that shows it. */
export interface Measurement {
  /** The day. */
  readonly at: string;
  readonly kernel: string;
  readonly cgroup: "v1" | "v2";
  readonly systems: readonly SystemFacts[];
}

export interface SystemFacts {
  readonly name: string;
  readonly version: string;
  readonly facts: Facts;
}

const DOCS = join(import.meta.dirname, "../../docs");
export const MEASUREMENT = join(DOCS, "sandboxes.json");
export const DOCUMENT = join(DOCS, "security.md");

const BEGIN = "<!-- Made by npm run compare from sandboxes.json -->";
const END = "<!-- The end of what npm run compare makes -->";

/** The document with the table in its place. Errors: where it has no place for one. */
export function withTable(document: string, measured: Measurement): string {
  const [before, rest] = document.split(BEGIN);
  const after = rest?.split(END)[1];
  if (before === undefined || after === undefined)
    throw new Error(`Cannot put the table into the document: "${BEGIN}" and "${END}" were wanted`);
  return `${before}${BEGIN}\n${tableOf(measured)}\n${END}${after}`;
}

function tableOf({ at, kernel, cgroup, systems }: Measurement): string {
  const heads = ["", ...systems.map(({ name, version }) => `${name} ${version}`)];
  const rows = lines.map(({ title, tell }) => [title, ...systems.map(({ facts }) => tell(facts))]);
  return [
    row(heads),
    row(heads.map(() => "---")),
    ...rows.map(row),
    "",
    `Measured on ${at}, Linux ${kernel}, cgroup ${cgroup}.`,
  ].join("\n");
}

function row(cells: readonly string[]): string {
  return `| ${cells.join(" | ")} |`;
}
