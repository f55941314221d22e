import { mkdtemp } from "node:fs/promises";
import { join } from "node:path";
import type { TemplateKind, TemplateSource } from "../contract/template.ts";
import type { TemplateFiles } from "../procs/needs.ts";
import { writeEntries } from "./entries.ts";
import type { BuildNeeds } from "./needs.ts";
import type { ProgressTeller } from "./progress.ts";
import { readReport, shownDirs, skeletonEntries } from "./report.ts";

/** Where a version is being made, and with what. */
export interface BuildSite {
  /** Directory of this build alone; gone with it where it fails. */
  readonly workDir: string;
  /** The tree that is filled: empty at first. */
  readonly treeDir: string;
  /** The host whose sources and tools are used. */
  readonly hostRoot: string;
  readonly jobId: string;
  readonly teller: ProgressTeller;
  readonly signal: AbortSignal;
  readonly needs: BuildNeeds;
}

/** What a filled tree was made of. */
export interface Filled {
  readonly kind: TemplateKind;
  readonly description: string;
  readonly source: TemplateSource;
  /** The text of its sources.list, where we write one. */
  readonly sourcesList: string;
}

export type Fill = (site: BuildSite) => Promise<Filled>;

/** The tree as it is now, to run its own programs on; `lines` are those of the script that filled it. */
export async function standOn(
  { workDir, treeDir }: BuildSite,
  lines: readonly string[],
): Promise<TemplateFiles> {
  const report = readReport(lines);
  const dir = await mkdtemp(join(workDir, "standing-"));
  const skeletonDir = join(dir, "skeleton");
  await writeEntries(skeletonDir, skeletonEntries(report));
  const binds = shownDirs(report).map((name) => ({ source: join(treeDir, name), destination: `/${name}` }));
  return { name: "build", version: "build", skeletonDir, binds };
}

export function shell(script: string, ...words: readonly string[]): string[] {
  return ["/bin/sh", "-c", script, "build", ...words];
}
