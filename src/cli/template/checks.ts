import type { Check, Template } from "../../contract/template.ts";
import { escapeControls } from "../output/sanitize.ts";

/** What is to be done where a template lacks something, as far as one can tell; null where nobody can. */
export function cureOf({ name, status }: Check, template: Template): string | null {
  const known = status === "ok" ? undefined : packagesFor[name];
  if (known === undefined || template.kind === "host") return null;
  const { directory, archive } = template.source;
  if (directory) return `put ${known} into ${escapeControls(directory.path)}, where the daemon runs`;
  // Nobody knows of an archive whether it has apt.
  if (archive) return `put ${known} into the archive, or where it has apt-get: ${command(known, template)}`;
  return command(known, template);
}

function command(known: string, template: Template): string {
  return `sharku template create ${template.name} --from ${template.name} --packages ${known} --replace`;
}

/** The package of Debian that brings what a check looks for. */
const packagesFor: Readonly<Record<string, string>> = {
  certificates: "ca-certificates",
  timezones: "tzdata",
};
