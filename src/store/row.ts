import assert from "node:assert/strict";
import type { SQLOutputValue } from "node:sqlite";

/** Columns of a row with their types; a wrong type is a broken invariant, since the tables are STRICT. */
export type Row = Record<string, SQLOutputValue>;

export function textOf(row: Row, column: string): string {
  const value = row[column];
  assert(typeof value === "string", `column ${column} holds no text`);
  return value;
}

export function textOrNullOf(row: Row, column: string): string | null {
  return row[column] === null ? null : textOf(row, column);
}

export function integerOf(row: Row, column: string): number {
  const value = row[column];
  assert(typeof value === "number", `column ${column} holds no number`);
  return value;
}

export function integerOrNullOf(row: Row, column: string): number | null {
  return row[column] === null ? null : integerOf(row, column);
}
