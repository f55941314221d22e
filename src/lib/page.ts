import { SharkuError } from "../contract/errors.ts";

const LIMIT_DEFAULT = 100;

/** Lists of the API: the part that follows an opaque cursor. */

export interface PageOptions<T> {
  readonly limit?: number;
  readonly cursor?: string;
  /** Unique, and in the order of the list. */
  readonly keyOf: (item: T) => string;
}

/** The part of a sorted list that follows the cursor. Errors: `invalid-request` for a cursor from elsewhere. */
export function pageOfAll<T>(
  all: readonly T[],
  { limit = LIMIT_DEFAULT, cursor, keyOf }: PageOptions<T>,
): { items: T[]; next: string | null } {
  const after = cursor === undefined ? "" : decodeCursor(cursor);
  const rest = all.filter((item) => keyOf(item) > after);
  const items = rest.slice(0, limit);
  const last = items.at(-1);
  return { items, next: rest.length > limit && last !== undefined ? encodeCursor(keyOf(last)) : null };
}

function encodeCursor(key: string): string {
  return Buffer.from(key).toString("base64url");
}

function decodeCursor(cursor: string): string {
  const key = Buffer.from(cursor, "base64url").toString("utf8");
  if (key !== "" && Buffer.from(key).toString("base64url") === cursor) return key;
  const detail = `Cannot go on from cursor "${cursor}": it is none that a list has given`;
  throw new SharkuError("invalid-request", detail, { faults: [{ pointer: "?cursor", detail }] });
}
