import type { Template } from "../../contract/template.ts";
import type { Command, Invocation } from "../command.ts";
import { exitCode } from "../exit-codes.ts";
import { escapeControls } from "../output/sanitize.ts";
import { formatSize } from "../output/units.ts";
import { build } from "./build.ts";
import { cureOf } from "./checks.ts";
import { createOptions, readWanted } from "./wanted.ts";

export const templateCreateCommand: Command = {
  path: ["template", "create"],
  arguments: "NAME",
  argumentCount: [1, 1],
  summary: "Make a template, a filesystem that procs run on",
  details:
    "Of exactly one of --debootstrap, --archive, --directory and --from. All but an archive lie, or are fetched, " +
    "where the daemon runs. What is made is a version that never changes: --replace makes the next one, and procs " +
    "that run go on with theirs. Ctrl-C ends the build, and nothing of it is left.",
  options: createOptions,
  examples: [
    "sharku template create py --debootstrap bookworm --packages python3",
    "sharku template create py --from py --packages python3-flask --replace",
    "sharku template create tuned --from py --run setup.sh",
    "docker export box | sharku template create box --archive -",
    "sharku template create java --directory /srv/root --bind /opt/java:/opt/java",
    "sharku run . --template py",
  ],
  run: create,
};

async function create(call: Invocation): Promise<number> {
  const wanted = await readWanted(call);
  const template = await build(call, wanted);
  const { stdout } = call.io;
  if (call.json) stdout.write(`${JSON.stringify({ template })}\n`);
  else if (call.quiet) stdout.write(`${template.name}\n`);
  else tell(call, template);
  return exitCode("ok");
}

function tell({ io, paint }: Invocation, template: Template): void {
  const name = paint.stdout("bold", template.name);
  io.stdout.write(`${name} is ready: ${escapeControls(template.description)}\n`);
  const size = template.bytes === null ? "" : `${formatSize(template.bytes)}, ${template.files} files`;
  const lines: [name: string, value: string][] = [
    ["version", template.version ?? ""],
    ["size", size],
    ["use", `sharku run . --template ${template.name}`],
  ];
  for (const [title, value] of lines)
    if (value) io.stdout.write(`  ${paint.stdout("dim", title.padEnd(9))}${escapeControls(value)}\n`);
  for (const check of template.checks.filter(({ status }) => status !== "ok")) {
    io.stdout.write(
      `  ${paint.stdout("yellow", "lacks    ")}${escapeControls(`${check.name}: ${check.found}`)}\n`,
    );
    const cure = cureOf(check, template);
    if (cure) io.stdout.write(`           ${paint.stdout("bold", "cure:")} ${cure}\n`);
  }
}
