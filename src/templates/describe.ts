import type { Build, Template, TemplateKind } from "../contract/template.ts";
import type { TemplateFiles } from "../procs/needs.ts";
import { hostArch } from "./host-arch.ts";
import { HOST } from "./host-template.ts";
import type { TemplateUse } from "./needs.ts";
import type { VersionRecord } from "./record.ts";

/** Templates as the wire shows them. */

export function describeHost({ version }: TemplateFiles, uses: readonly TemplateUse[]): Template {
  return {
    name: HOST,
    kind: "host",
    state: "ready",
    version,
    description: "The host's own /usr, with an /etc of its own",
    arch: hostArch(),
    createdAt: null,
    bytes: null,
    files: null,
    source: {},
    checks: [],
    versions: [],
    procs: uses.filter(({ template }) => template === HOST).length,
    build: null,
  };
}

export function describeTemplate(
  name: string,
  {
    versions,
    building,
    uses,
  }: {
    readonly versions: readonly VersionRecord[];
    readonly building: { readonly kind: TemplateKind; readonly build: Build } | null;
    readonly uses: readonly TemplateUse[];
  },
): Template {
  const [newest] = versions;
  return {
    name,
    kind: newest?.kind ?? building?.kind ?? "archive",
    state: newest === undefined ? "building" : "ready",
    version: newest?.version ?? null,
    description: newest?.description ?? "",
    arch: newest?.arch ?? null,
    createdAt: newest?.createdAt ?? null,
    bytes: newest?.bytes ?? null,
    files: newest?.files ?? null,
    source: newest?.source ?? {},
    checks: newest?.checks ?? [],
    versions: versions.map(({ version, createdAt }) => ({
      version,
      createdAt,
      procs: uses.filter((use) => use.version === version).length,
    })),
    procs: uses.filter(({ template }) => template === name).length,
    build: building?.build ?? null,
  };
}
