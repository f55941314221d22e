import type { Check, Template, TemplateVersion } from "../../contract/template.ts";
import type { Command, Invocation } from "../command.ts";
import type { Style } from "../output/colors.ts";
import { printJson } from "../output/print.ts";
import { escapeControls } from "../output/sanitize.ts";
import { type Column, printTable } from "../output/table.ts";
import { formatAge, formatSize } from "../output/units.ts";
import { cureOf } from "./checks.ts";
import { findTemplate } from "./find-template.ts";
import { templateState } from "./ls.ts";

export const templateInspectCommand: Command = {
  path: ["template", "inspect"],
  arguments: "NAME",
  argumentCount: [1, 1],
  summary: "Tell what a template is made of, what it lacks, and who uses it",
  options: {},
  examples: ["sharku template inspect py", "sharku template inspect py --json | jq .source"],
  run: inspect,
};

const checkStyles = { ok: "green", warn: "yellow", fail: "red" } as const satisfies Record<
  Check["status"],
  Style
>;

async function inspect(call: Invocation): Promise<number> {
  const template = await findTemplate(call.client, call.args[0] ?? "");
  if (call.json) printJson(call.io.stdout, template);
  else if (call.quiet) call.io.stdout.write(`${template.name}\n`);
  else {
    printFacts(call, template);
    printChecks(call, template);
    printVersions(call, template);
  }
  return 0;
}

function printFacts({ io, paint }: Invocation, template: Template): void {
  const nowMs = io.now().getTime();
  for (const [title, value] of [...factsOf(template, nowMs), ...sourceOf(template)])
    if (value) io.stdout.write(`${paint.stdout("dim", title.padEnd(12))}${escapeControls(value)}\n`);
}

type Fact = readonly [title: string, value: string | null];

function factsOf(template: Template, nowMs: number): Fact[] {
  const { bytes, files, createdAt, version, build, procs } = template;
  const age =
    createdAt === null ? "" : `, made ${formatAge(nowMs - Date.parse(createdAt))} ago (${createdAt})`;
  const users = procs === 0 ? "not used" : `used by ${procs} ${procs === 1 ? "proc" : "procs"}`;
  return [
    ["name", template.name],
    ["kind", template.kind],
    ["state", `${templateState(template).text}, ${users}`],
    [
      "build",
      build && `${build.phase}: ${build.message}, for ${formatAge(nowMs - Date.parse(build.startedAt))}`,
    ],
    ["version", version === null ? null : version + age],
    ["about", template.description],
    ["arch", template.arch],
    ["size", bytes === null ? null : `${formatSize(bytes)}, ${files} files`],
  ];
}

/** What it was made of, each by the option of `template create` that says so. */
function sourceOf({ source }: Template): Fact[] {
  const { debootstrap, archive, directory, from } = source;
  if (debootstrap)
    return [
      ["suite", `${debootstrap.suite} (${debootstrap.variant})`],
      ["mirror", debootstrap.mirror],
      ["components", debootstrap.components.join(", ")],
      ["packages", debootstrap.packages.join(", ")],
      ["keyring", debootstrap.keyring],
    ];
  if (archive) return [["archive", `${formatSize(archive.bytes)}, ${archive.digest}`]];
  if (directory)
    return [
      ["directory", directory.path],
      ...directory.binds.map(({ source, destination }): Fact => ["bind", `${source} on ${destination}`]),
    ];
  if (from)
    return [
      ["from", `${from.template}, version ${from.version}`],
      ["packages", from.packages.join(", ")],
      ["script", from.scriptDigest],
      ["network", from.network],
    ];
  return [];
}

function printChecks({ io, paint }: Invocation, template: Template): void {
  const { checks } = template;
  if (checks.length === 0) return;
  const width = Math.max(...checks.map(({ name }) => name.length));
  io.stdout.write(`\n${paint.stdout("bold", "Checks")}\n`);
  for (const check of checks) {
    const mark = paint.stdout(checkStyles[check.status], check.status.padEnd(4));
    io.stdout.write(`  ${mark}  ${check.name.padEnd(width)}  ${escapeControls(check.found)}\n`);
    const cure = cureOf(check, template);
    if (cure) io.stdout.write(`        ${paint.stdout("bold", "cure:")} ${cure}\n`);
  }
}

function printVersions({ io, paint }: Invocation, template: Template): void {
  if (template.versions.length === 0) return;
  const nowMs = io.now().getTime();
  const columns: Column<TemplateVersion>[] = [
    { title: "VERSION", cell: ({ version }) => version },
    { title: "AGE", cell: ({ createdAt }) => formatAge(nowMs - Date.parse(createdAt)) },
    { title: "PROCS", cell: ({ procs }) => String(procs) },
  ];
  io.stdout.write("\n");
  printTable(columns, { items: template.versions, output: io.stdout, paint: paint.stdout });
}
