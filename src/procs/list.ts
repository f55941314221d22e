import { SharkuError } from "../contract/errors.ts";
import type { ProcFilter } from "../contract/routes.ts";
import type { ProcRecord } from "./record.ts";

const LIMIT_DEFAULT = 100;

/** The part of the records that a filter asks for, oldest first; `next` is the cursor of the page after it. */
export function pageOf(
  records: readonly ProcRecord[],
  filter: ProcFilter,
): { items: ProcRecord[]; next: string | null } {
  const limit = filter.limit ?? LIMIT_DEFAULT;
  const after = filter.cursor === undefined ? "" : decodeCursor(filter.cursor);
  const found = records
    .filter((record) => matches(record, filter))
    .sort((one, other) => (sortKey(one) < sortKey(other) ? -1 : 1))
    .filter((record) => sortKey(record) > after);
  const items = found.slice(0, limit);
  const last = items.at(-1);
  return { items, next: found.length > limit && last ? encodeCursor(sortKey(last)) : null };
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

function encodeCursor(key: string): string {
  return Buffer.from(key).toString("base64url");
}

function decodeCursor(cursor: string): string {
  const key = Buffer.from(cursor, "base64url").toString("utf8");
  if (/^\d{4}-\d\d-\d\dT\S+Z \S+$/.test(key)) return key;
  const detail = `Cannot go on from cursor "${cursor}": it is none that a list has given`;
  throw new SharkuError("invalid-request", detail, { faults: [{ pointer: "?cursor", detail }] });
}
