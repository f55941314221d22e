import { finalStates } from "../contract/states.ts";
import type { Life } from "./life.ts";
import type { RunRecord } from "./record.ts";

/** What a proc stands on; the version is null where it has no run. */
export interface TemplateUse {
  readonly procId: string;
  readonly template: string;
  readonly version: string | null;
}

/** Of each proc that has not ended, or that is being created, the template. */
export function templateUses(
  lives: ReadonlyMap<string, Life>,
  creating: ReadonlyMap<string, { readonly template: string }>,
): TemplateUse[] {
  const created = [...lives.values()].flatMap(({ id, record, run }) => {
    const hasEnded = finalStates.includes(record.state) && run === null;
    return hasEnded ? [] : [{ procId: id, template: record.spec.template, version: versionOf(run) }];
  });
  const coming = [...creating].filter(([id]) => !lives.has(id));
  return [...created, ...coming.map(([procId, { template }]) => ({ procId, template, version: null }))];
}

/** The versions that runs stand on. */
export function versionsInUse(lives: ReadonlyMap<string, Life>): string[] {
  return [...lives.values()].flatMap(({ run }) => versionOf(run) ?? []);
}

function versionOf(run: RunRecord | null): string | null {
  return run?.templateVersion ?? null;
}
