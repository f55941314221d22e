import { SharkuError } from "../../contract/errors.ts";
import type { LiveLimits, Proc } from "../../contract/proc.ts";
import type { Command, Invocation } from "../command.ts";
import { CliError } from "../errors.ts";
import { findAllProcs, findProcs, START_LETTERS_MIN } from "../find-procs.ts";
import { printJson } from "../output/print.ts";
import { printTable } from "../output/table.ts";
import { formatSize } from "../output/units.ts";
import { hasEnded } from "./await-proc.ts";
import { idColumn } from "./describe.ts";
import { describeLimit, liveLimitOptions, readLiveLimits, startLimitOptions } from "./limit-options.ts";

export const limitsCommand: Command = {
  path: ["limits"],
  arguments: "ID|APP...",
  argumentCount: [1, Infinity],
  summary: "Show the limits of procs, or change them while they run",
  details:
    "Without options it shows them. With options they hold at once and without a restart, for these procs and as " +
    "long as they live; what is not named stays. Memory cannot be lowered below what a proc uses. The limits on " +
    `/app, /tmp and open files hold from a start to the end: give them to sharku run. To change limits, ${START_LETTERS_MIN} ` +
    "letters of an id are needed.",
  options: {
    memory: { ...liveLimitOptions.memory, help: "memory it may use" },
    cpus: { ...liveLimitOptions.cpus, help: "processors it may use, 0.5 say, or all" },
    pids: { ...liveLimitOptions.pids, help: "processes and threads it may have" },
  },
  elsewhere: Object.fromEntries(
    Object.keys(startLimitOptions).map((name) => [
      name,
      "it holds from the start to the end of a proc, give it to sharku run",
    ]),
  ),
  examples: [
    "sharku limits guestbook",
    "sharku limits guestbook --memory 1G --cpus 0.5",
    "sharku limits 3f2a --cpus all",
  ],
  run: limits,
};

async function limits(call: Invocation): Promise<number> {
  const wanted = readLiveLimits(call.options);
  const isChange = Object.keys(wanted).length > 0;
  const procs = isChange ? await changeAll(call, wanted) : await findAllProcs(call.client, call.args);
  const { stdout } = call.io;
  if (call.json) printJson(stdout, procs.map(pick));
  else if (call.quiet) for (const { id } of procs) stdout.write(`${id}\n`);
  else if (!isChange) showAll(call, procs);
  return 0;
}

/** One after the other, so that what is told as changed is, and nothing else, where one is refused. */
async function changeAll(call: Invocation, wanted: Partial<LiveLimits>): Promise<Proc[]> {
  const changed: Proc[] = [];
  for (const proc of await findLiving(call)) {
    const now = await changeOne(call, { proc, wanted });
    changed.push(now);
    if (!call.json && !call.quiet) call.io.stdout.write(lineOf(now, { before: proc, wanted }));
  }
  return changed;
}

/** Of an app, the procs that have not ended; an ended one named by its id is for the daemon to refuse. */
async function findLiving(call: Invocation): Promise<Proc[]> {
  const procs = new Map<string, Proc>();
  for (const word of call.args) {
    const found = await findProcs(call.client, word, { startLettersMin: START_LETTERS_MIN });
    const taken = found.kind === "id" ? found.procs : found.procs.filter((proc) => !hasEnded(proc));
    if (taken.length === 0)
      throw new CliError(
        `Cannot change the limits of "${word}": all procs of the app have ended, running ones were wanted`,
      );
    for (const proc of taken) procs.set(proc.id, proc);
  }
  return [...procs.values()];
}

async function changeOne(
  call: Invocation,
  { proc, wanted }: { proc: Proc; wanted: Partial<LiveLimits> },
): Promise<Proc> {
  try {
    return await call.client.patchProc(proc.id, { limits: wanted });
  } catch (error) {
    // The daemon speaks of a field in bytes.
    if (!(error instanceof SharkuError) || error.code !== "limit-in-use" || !wanted.memoryBytes) throw error;
    const asked = formatSize(wanted.memoryBytes);
    throw new CliError(
      `Cannot lower --memory of ${proc.name} (${proc.id}) to ${asked}: ${inUse(error)}, choose more, or stop the proc`,
      { cause: error },
    );
  }
}

/** The daemon knows how much, but where the kernel only said that it is too much. */
function inUse({ message }: SharkuError): string {
  const [, bytes] = /(\d+) bytes are in use/.exec(message) ?? [];
  return bytes === undefined ? "about as much or more is in use" : `${formatSize(Number(bytes))} is in use`;
}

/** `web.1 (3f2a): memory 1G (was 512M)`. */
function lineOf(proc: Proc, { before, wanted }: { before: Proc; wanted: Partial<LiveLimits> }): string {
  const names = (["memoryBytes", "cpus", "pids"] as const).filter((name) => wanted[name] !== undefined);
  const parts = names.map((name) => {
    const now = describeLimit(name, proc.limits);
    const then = describeLimit(name, before.limits);
    return now === then ? `${now} (as before)` : `${now} (was ${then.slice(then.indexOf(" ") + 1)})`;
  });
  return `${proc.name} (${proc.id}): ${parts.join(", ")}\n`;
}

function showAll(call: Invocation, procs: readonly Proc[]): void {
  printTable(
    [
      idColumn(procs, call.io.stdout),
      { title: "APP", cell: (proc) => proc.app, widthMax: 16 },
      { title: "NAME", cell: (proc) => proc.name, widthMax: 16 },
      { title: "MEMORY", cell: ({ limits }) => formatSize(limits.memoryBytes) },
      { title: "CPUS", cell: ({ limits }) => String(limits.cpus ?? "all") },
      { title: "PIDS", cell: ({ limits }) => String(limits.pids) },
      { title: "/APP", cell: ({ limits }) => formatSize(limits.appBytes) },
      { title: "/TMP", cell: ({ limits }) => formatSize(limits.tmpBytes) },
      { title: "FILES", cell: ({ limits }) => String(limits.openFiles) },
    ],
    { items: procs, output: call.io.stdout, paint: call.paint.stdout },
  );
}

function pick({ id, app, name, limits }: Proc) {
  return { id, app, name, limits };
}
