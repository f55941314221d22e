import type { LogRecord } from "../contract/event.ts";
import type { Exit } from "../contract/proc.ts";
import type { Life } from "./life.ts";
import type { Needs } from "./needs.ts";

const LINES_MAX = 5;
const CHARS_MAX = 500;

/** Up to the milliseconds, times can be compared as text. */
const MS_CHARS = "2026-01-01T00:00:00.000".length;

/** What could move a terminal's cursor, or hide other words. */
const controls = /(?!\t)[\p{Cc}\u202a-\u202e\u2066-\u2069]/gu;

/** The last lines that a run has printed. A log that cannot be read is reported, and holds up nobody's end. */
export async function logTailOf({ id, run }: Life, { logs, report }: Needs): Promise<string[]> {
  if (run === null || !run.released) return [];
  const since = run.createdAt.slice(0, MS_CHARS);
  const lines = await logs.lastLines(id, LINES_MAX).catch((fault: unknown) => {
    report(fault, { procId: id });
    return [];
  });
  return lines.filter(({ time }) => time.slice(0, MS_CHARS) >= since).map(plainLine);
}

/** Lines of a log may hold what is secret: in events, which are kept and sent elsewhere, they do not appear. */
export function withoutLog(exit: Exit | null): Exit | null {
  if (exit?.logTail === undefined) return exit;
  const { logTail: _, ...rest } = exit;
  return rest;
}

function plainLine({ line, lineBase64 }: LogRecord): string {
  const text = line ?? Buffer.from(lineBase64 ?? "", "base64").toString("utf8");
  return text.replace(controls, "\ufffd").slice(0, CHARS_MAX).toWellFormed();
}
