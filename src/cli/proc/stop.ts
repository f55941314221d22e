import { type Proc, stopSignals } from "../../contract/proc.ts";
import type { Command, Invocation } from "../command.ts";
import { eachLimited } from "../each-limited.ts";
import { findAllProcs, START_LETTERS_MIN } from "../find-procs.ts";
import { printJson } from "../output/print.ts";
import { awaitProc, describeEnd, hasEnded } from "./await-proc.ts";

const AT_ONCE = 16;

export const stopCommand: Command = {
  path: ["stop"],
  arguments: "ID|APP...",
  argumentCount: [1, Infinity],
  summary: "Stop procs; their records and logs stay",
  details: `Waits until they have ended, and tells how. Of an id, ${START_LETTERS_MIN} letters are enough.`,
  options: {
    grace: {
      type: "string",
      short: "g",
      value: "TIME",
      help: "how long a proc may take before it is killed; 0 kills",
    },
    signal: { type: "string", value: "SIGNAL", help: `what asks it to end: ${stopSignals.join(", ")}` },
  },
  examples: [
    "sharku stop guestbook",
    "sharku stop 3f2a --grace 5s",
    "sharku stop $(sharku ps -q --app guestbook)",
  ],
  run: stop,
};

async function stop(call: Invocation): Promise<number> {
  const { client, options, io } = call;
  const graceMs = options.durationMs("grace");
  const signal = options.choice("signal", stopSignals);
  const request = { ...(graceMs !== undefined && { graceMs }), ...(signal && { signal }) };
  const procs = await findAllProcs(client, call.args, { startLettersMin: START_LETTERS_MIN });
  const stopOne = async (proc: Proc): Promise<Proc> => {
    if (hasEnded(proc)) return proc;
    await client.stopProc(proc.id, request);
    const ended = await awaitProc(client, proc.id, { until: "exited" });
    if (!call.json)
      io.stdout.write(call.quiet ? `${ended.id}\n` : `${ended.name} (${ended.id}) ${describeEnd(ended)}\n`);
    return ended;
  };
  const ended = await eachLimited(procs, { limit: AT_ONCE, work: stopOne });
  if (call.json) printJson(io.stdout, ended);
  else reportEndedBefore(call, procs);
  return 0;
}

function reportEndedBefore(call: Invocation, procs: readonly Proc[]): void {
  if (call.quiet) return;
  for (const proc of procs.filter(hasEnded))
    call.io.stdout.write(`${proc.name} (${proc.id}) had ended before\n`);
}
