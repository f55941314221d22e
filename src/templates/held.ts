import { readdir } from "node:fs/promises";
import { join } from "node:path";
import type { Held, HeldItem } from "../contract/df.ts";
import { diskUsage, ownUsage } from "../lib/disk-usage.ts";
import type { TreeSizes } from "../lib/tree-sizes.ts";
import { HOST } from "./host-template.ts";
import type { TemplateUse } from "./needs.ts";

export interface HeldNeeds {
  readonly dir: string;
  readonly sizes: TreeSizes;
  readonly uses: readonly TemplateUse[];
}

/**
 * The room that templates take: each version as counted once, as it never changes, and what is being built or on its
 * way out as it is now. Of `host` and of directories of the host that is a skeleton; the files are the host's.
 */
export async function heldTemplates({ dir, sizes, uses }: HeldNeeds): Promise<Held[]> {
  const names = await readdir(dir);
  const entries = (
    await Promise.all(
      names.map(async (name) => {
        const versions = await readdir(join(dir, name)).catch(() => []);
        return versions.map((version) => ({ name, version, path: join(dir, name, version) }));
      }),
    )
  ).flat();
  const dirs = await Promise.all([dir, ...names.map((name) => join(dir, name))].map(ownUsage));
  const whole = entries.filter(({ version }) => !version.startsWith("."));
  await sizes.keepOnly(new Set(whole.map(({ name, version }) => `${name}/${version}`)));
  const items: HeldItem[] = await Promise.all(
    whole.map(async ({ name, version, path }) => ({
      name: `${name}/${version}`,
      bytes: await sizes.sizeOf(`${name}/${version}`, path),
      ...useOf({ name, version }, uses),
    })),
  );
  const unfinished = await diskUsage(
    entries.filter(({ version }) => version.startsWith(".")).map(({ path }) => path),
  );
  const free = items.filter(({ name }) => !isUsed(name.slice(0, name.indexOf("/")), uses));
  return [
    {
      kind: "templates",
      count: items.length,
      inUse: items.filter(({ inUse }) => inUse).length,
      bytes: sum([...dirs, ...items.map(({ bytes }) => bytes)]),
      freeableBytes: sum(free.map(({ bytes }) => bytes)),
      items,
    },
    {
      kind: "builds",
      ...{ count: unfinished.size, inUse: unfinished.size },
      bytes: sum([...unfinished.values()]),
      freeableBytes: 0,
    },
  ];
}

function useOf(
  { name, version }: { readonly name: string; readonly version: string },
  uses: readonly TemplateUse[],
): Pick<HeldItem, "inUse" | "note"> {
  const procs = uses.filter((use) => use.version === version).length;
  const note = procs > 0 ? `${procs} ${procs === 1 ? "proc" : "procs"}` : name === HOST ? "built in" : "free";
  return { inUse: procs > 0, note };
}

/** Whether it stays: what is removed is a template with all its versions. */
function isUsed(name: string, uses: readonly TemplateUse[]): boolean {
  return name === HOST || uses.some(({ template }) => template === name);
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
