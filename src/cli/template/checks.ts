import type { Check, Template } from "../../contract/template.ts";

/** What is to be done where a template lacks something, as far as one can tell; null where nobody can. */
export function cureOf({ name, status }: Check, template: Template): string | null {
  const known = status === "ok" ? undefined : packagesFor[name];
  if (known === undefined || template.kind === "host") return null;
  if (template.kind === "directory") return `put ${known} into that directory`;
  return `sharku template create ${template.name} --from ${template.name} --packages ${known} --replace`;
}

/** The package of Debian that brings what a check looks for. */
const packagesFor: Readonly<Record<string, string>> = {
  certificates: "ca-certificates",
  timezones: "tzdata",
};
