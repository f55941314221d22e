import { CannotConnect, ConnectionLost } from "../client/cannot-connect.ts";
import { type ErrorCode, SharkuError, toProblem } from "../contract/errors.ts";
import { explainCannotConnect, type Target } from "./connect.ts";
import { CliError } from "./errors.ts";
import { type ExitName, exitCode } from "./exit-codes.ts";
import type { Io } from "./io.ts";
import { escapeControls } from "./output/sanitize.ts";

/** Tells an error as one line on stderr, or as one JSON document, and returns the exit code that it stands for. */
export function reportError(
  error: unknown,
  options: { io: Io; json: boolean; target: Target | null },
): number {
  const known =
    error instanceof CannotConnect && options.target ? explainCannotConnect(error, options.target) : error;
  const text = options.json ? JSON.stringify(toDocument(known)) : `sharku: ${toLine(known)}`;
  options.io.stderr.write(`${text}\n`);
  if (!options.json && isFault(known) && known.stack) options.io.stderr.write(`${known.stack}\n`);
  return exitCode(exitOf(known));
}

function exitOf(error: unknown): ExitName {
  if (error instanceof CliError) return error.exit;
  if (error instanceof CannotConnect || error instanceof ConnectionLost) return "unreachable";
  return "refused";
}

/** What the daemon cannot know: how it is done from the command line. */
const advices: Partial<Record<ErrorCode, string>> = {
  unauthorized: "here: set SHARKU_TOKEN to what is in the daemon's <state-dir>/admin.token",
  "image-in-use": "see: sharku ps",
  "template-exists": "here: --replace makes its next version",
  "template-in-use": "see: sharku ps",
};

/** What keeps an image, its pin or a proc, only the daemon's words tell. */
function adviceOn({ code, message }: SharkuError): string | undefined {
  const isPinned = code === "image-in-use" && /\bpinned\b/.test(message);
  return isPinned ? "here: sharku image unpin, then remove it" : advices[code];
}

/** What nobody foresaw: a fault of ours, for which a line is not enough. */
function isFault(error: unknown): error is Error {
  const foreseen = [CliError, SharkuError, CannotConnect, ConnectionLost];
  return error instanceof Error && !foreseen.some((kind) => error instanceof kind);
}

function toLine(error: unknown): string {
  if (!(error instanceof Error)) return escapeControls(String(error));
  const faults = error instanceof SharkuError ? error.faults : [];
  // The daemon's own sentence mostly has the first fault in it.
  const more = faults.filter(({ pointer, detail }) => !error.message.includes(pointer || detail));
  const advice = error instanceof SharkuError ? adviceOn(error) : undefined;
  const where = more.map(({ pointer, detail }) => `${pointer} ${detail}`).join("; ");
  return escapeControls(error.message + (where && ` (${where})`) + (advice ? `; ${advice}` : ""));
}

/** The daemon's own problem, or one of the same form for what only the command line can meet. */
function toDocument(error: unknown): object {
  if (error instanceof SharkuError) return toProblem(error);
  const detail = error instanceof Error ? error.message : String(error);
  const titles = { usage: "Wrong usage", unreachable: "Cannot connect" } as const;
  const exit = exitOf(error);
  const title = exit === "usage" || exit === "unreachable" ? titles[exit] : "The command failed";
  return { type: "about:blank", title, code: `cli-${exit}`, detail };
}
