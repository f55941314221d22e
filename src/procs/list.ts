import type { ProcFilter } from "../contract/routes.ts";
import { pageOfAll } from "../lib/page.ts";
import type { ProcRecord } from "./record.ts";

/** The part of the records that a filter asks for, oldest first; `next` is the cursor of the page after it. */
export function pageOf(
  records: readonly ProcRecord[],
  filter: ProcFilter,
): { items: ProcRecord[]; next: string | null } {
  const found = records
    .filter((record) => matches(record, filter))
    .sort((one, other) => (sortKey(one) < sortKey(other) ? -1 : 1));
  return pageOfAll(found, { ...filter, keyOf: sortKey });
}

function matches({ spec, state }: ProcRecord, filter: ProcFilter): boolean {
  if (filter.app !== undefined && spec.app !== filter.app) return false;
  if (filter.name !== undefined && spec.name !== filter.name) return false;
  if (filter.state !== undefined && state !== filter.state) return false;
  return filter.label === undefined || hasLabel(spec.labels, filter.label);
}

/** `key` or `key=value`. */
function hasLabel(labels: Readonly<Record<string, string>>, wanted: string): boolean {
  const at = wanted.indexOf("=");
  if (at < 0) return Object.hasOwn(labels, wanted);
  const key = wanted.slice(0, at);
  return Object.hasOwn(labels, key) && labels[key] === wanted.slice(at + 1);
}

function sortKey({ createdAt, id }: ProcRecord): string {
  return `${createdAt} ${id}`;
}
