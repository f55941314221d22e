/** What SQLite's errors mean: https://www.sqlite.org/rescode.html */

const primaryCodes = {
  5: "busy",
  8: "read-only",
  10: "io",
  11: "corrupt",
  13: "full",
  14: "cannot-open",
  26: "not-a-database",
} as const;

export type SqliteTrouble = (typeof primaryCodes)[keyof typeof primaryCodes] | "other";

/** The kind of trouble, or null where the error is not SQLite's. */
export function sqliteTrouble(error: unknown): SqliteTrouble | null {
  if (!(error instanceof Error) || !("errcode" in error) || typeof error.errcode !== "number") return null;
  // The lowest byte is the primary code, the rest tells more of it.
  const code = error.errcode & 0xff;
  return isPrimary(code) ? primaryCodes[code] : "other";
}

function isPrimary(code: number): code is keyof typeof primaryCodes {
  return Object.hasOwn(primaryCodes, code);
}
