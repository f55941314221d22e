import type { Command, Exit, Proc } from "../../contract/proc.ts";
import type { Output } from "../io.ts";
import type { Cell, Column } from "../output/table.ts";
import { hasEnded } from "./await-proc.ts";

const ID_LENGTH_MIN = 8;

/** A command as a person would type it. */
export function commandLine(command: Command | null): string {
  // Its Procfile is still on the way.
  if (command === null) return "";
  if (typeof command === "string") return command;
  return command
    .map((word) => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`))
    .join(" ");
}

/** The state in one word, with the reason where it failed: `fail(3)`, `fail(oom)`. */
export function stateCell(proc: Proc): Cell {
  if (proc.state === "running") return runningCell(proc);
  if (proc.state === "done") return { text: "done", style: "dim" };
  if (proc.state === "backoff" && proc.lastExit)
    return { text: `backoff(${reasonOf(proc.lastExit)})`, style: "yellow" };
  if (proc.state !== "fail") return { text: proc.state, style: "yellow" };
  return { text: proc.exit ? `fail(${reasonOf(proc.exit)})` : "fail", style: "red" };
}

/** One that is not there to be used yet, or no longer, says so: `running(starting)`, `running(unready)`. */
function runningCell({ ready, readyAt, healthy }: Proc): Cell {
  if (healthy === false) return { text: "running(unhealthy)", style: "red" };
  if (ready) return { text: "running", style: "green" };
  return { text: readyAt === null ? "running(starting)" : "running(unready)", style: "yellow" };
}

function reasonOf({ reason, code, signal }: Exit): string | number {
  if (reason === "crashed") return code ?? reason;
  return reason === "signaled" ? (signal ?? reason) : reason;
}

/** Where the proc can be reached now, or null. */
export function addressOf(proc: Proc): string | null {
  return hasEnded(proc) ? null : proc.address;
}

/** The ids for a table: on a terminal shortened to what tells them apart. */
export function idColumn(procs: readonly Proc[], output: Output): Column<Proc> {
  const ids = procs.map(({ id }) => id);
  const short = output.isTTY ? shortenIds(ids, ID_LENGTH_MIN) : new Map<string, string>();
  return { title: "ID", cell: ({ id }) => short.get(id) ?? id };
}

/** Starts of the ids, as short as they can be told apart, but not shorter than `lengthMin`. */
export function shortenIds(ids: readonly string[], lengthMin: number): Map<string, string> {
  const sorted = [...ids].sort();
  const common = sorted.map((id, index) =>
    Math.max(shared(id, sorted[index - 1]), shared(id, sorted[index + 1])),
  );
  return new Map(sorted.map((id, index) => [id, id.slice(0, Math.max(lengthMin, (common[index] ?? 0) + 1))]));
}

function shared(a: string, b = ""): number {
  let length = 0;
  while (length < a.length && a[length] === b[length]) length += 1;
  return length;
}
