import { SharkuError } from "../contract/errors.ts";

/**
 * A place in the log of a proc: behind a record. Where another stream's line was under way there, `from` is where
 * that line begins, so that who resumes gets it whole.
 */
export interface Position {
  /** Number of the run. */
  readonly run: number;
  /** Byte of the run's file behind the record's end. */
  readonly offset: number;
  /** Where reading must begin; at most `offset`. */
  readonly from: number;
}

const pattern = /^(\d{1,10})\.(\d{1,15})(?:\.(\d{1,15}))?$/;

export function formatCursor({ run, offset, from }: Position): string {
  return from === offset ? `${run}.${offset}` : `${run}.${offset}.${from}`;
}

/** Errors: `invalid-request`. */
export function parseCursor(cursor: string): Position {
  const [, run, offset, from = offset] = pattern.exec(cursor) ?? [];
  if (run === undefined || Number(from) > Number(offset)) {
    const shown = JSON.stringify(cursor.slice(0, 80));
    throw new SharkuError(
      "invalid-request",
      `Cannot resume after ${shown}: it is no cursor of a log, wanted the "cursor" of one of its records`,
      { faults: [{ pointer: "?after", detail: "is no cursor of a log" }] },
    );
  }
  return { run: Number(run), offset: Number(offset), from: Number(from) };
}

/** Below 0 where `a` comes before `b`. */
export function comparePositions(a: Position, b: Position): number {
  return a.run - b.run || a.offset - b.offset;
}
