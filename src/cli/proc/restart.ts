import type { Proc } from "../../contract/proc.ts";
import type { Command, Invocation } from "../command.ts";
import { eachLimited } from "../each-limited.ts";
import { exitCode } from "../exit-codes.ts";
import { findAllProcs, START_LETTERS_MIN } from "../find-procs.ts";
import { printJson } from "../output/print.ts";
import { escapeControls } from "../output/sanitize.ts";
import { describeEnd, hasEnded, reasonOfExit } from "./await-proc.ts";

const AT_ONCE = 16;
const POLL_MS = 100;

export const restartCommand: Command = {
  path: ["restart"],
  arguments: "ID|APP...",
  argumentCount: [1, Infinity],
  summary: "Start procs again: with grace where they run, at once where they wait to be",
  details: `Waits until they run again. They keep id, port and log. What has ended for good is not started again. Of an id, ${START_LETTERS_MIN} letters are enough.`,
  options: {
    grace: {
      type: "string",
      short: "g",
      value: "TIME",
      help: "how long a proc may take before it is killed; 0 kills",
    },
  },
  examples: ["sharku restart guestbook", "sharku restart 3f2a --grace 5s"],
  run: restart,
};

async function restart(call: Invocation): Promise<number> {
  const { client, io } = call;
  const graceMs = call.options.durationMs("grace");
  const procs = await findAllProcs(client, call.args, { startLettersMin: START_LETTERS_MIN });
  const restartOne = async (proc: Proc): Promise<Proc> => {
    await client.restartProc(proc.id, graceMs === undefined ? {} : { graceMs });
    const now = await untilRunsAgain(call, proc);
    if (call.quiet && !call.json) io.stdout.write(`${now.id}\n`);
    else if (!call.json) io.stdout.write(`${now.name} (${now.id}) ${escapeControls(describeNow(now))}\n`);
    return now;
  };
  const now = await eachLimited(procs, { limit: AT_ONCE, work: restartOne });
  if (call.json) printJson(io.stdout, now);
  return exitCode(now.every(({ state }) => state === "running") ? "ok" : "refused");
}

/** One that is just being started is left to that. */
async function untilRunsAgain({ client, io }: Invocation, before: Proc): Promise<Proc> {
  const isStarting = before.state === "init" || before.state === "boot";
  while (true) {
    // Ends with its state: each that is on the way to another has a deadline at the daemon.
    const now = await client.getProc(before.id);
    const isNext = isStarting || now.restarts > before.restarts;
    if (hasEnded(now) || (isNext && (now.state === "running" || now.state === "backoff"))) return now;
    await io.sleep(POLL_MS);
  }
}

function describeNow(proc: Proc): string {
  if (hasEnded(proc)) return describeEnd(proc);
  if (proc.state === "running") return "is running again";
  return `waits to be started again, ${proc.lastExit ? reasonOfExit(proc.lastExit) : "its start failed"}`;
}
