import type { Proc } from "../../contract/proc.ts";
import type { Command, Invocation } from "../command.ts";
import { eachLimited } from "../each-limited.ts";
import { UsageError } from "../errors.ts";
import { findProcs, NothingFound, START_LETTERS_MIN } from "../find-procs.ts";
import { printJson } from "../output/print.ts";
import { hasEnded, removeProc } from "./await-proc.ts";

const AT_ONCE = 16;

export const rmCommand: Command = {
  path: ["rm"],
  arguments: "[ID|APP...]",
  argumentCount: [0, Infinity],
  summary: "Stop procs and forget them, their logs too",
  details: `Waits until nothing is left of them. What is gone already is no error. Of an id, ${START_LETTERS_MIN} letters are enough.`,
  options: {
    ended: { type: "boolean", help: "only those that have ended; of all apps where none is named" },
    grace: {
      type: "string",
      short: "g",
      value: "TIME",
      help: "how long a proc may take before it is killed; 0 kills",
    },
  },
  examples: ["sharku rm guestbook", "sharku rm 3f2a --grace 0", "sharku rm --ended"],
  run: rm,
};

async function rm(call: Invocation): Promise<number> {
  const { client, io } = call;
  const graceMs = call.options.durationMs("grace");
  const procs = await findChosen(call);
  const removeOne = async (proc: Proc): Promise<{ id: string; app: string; name: string }> => {
    await removeProc(client, proc.id, { graceMs, sleep: io.sleep });
    if (!call.json) io.stdout.write(call.quiet ? `${proc.id}\n` : `${proc.name} (${proc.id}) is removed\n`);
    return { id: proc.id, app: proc.app, name: proc.name };
  };
  const removed = await eachLimited(procs, { limit: AT_ONCE, work: removeOne });
  if (call.json) printJson(io.stdout, removed);
  return 0;
}

async function findChosen(call: Invocation): Promise<Proc[]> {
  const endedOnly = call.options.flag("ended");
  if (call.args.length === 0 && !endedOnly)
    throw new UsageError("Cannot remove nothing: give an id or an app, or --ended for all that have ended");
  const found =
    call.args.length > 0 ? await findWhatIsThere(call) : await Array.fromAsync(call.client.allProcs());
  return endedOnly ? found.filter(hasEnded) : found;
}

async function findWhatIsThere(call: Invocation): Promise<Proc[]> {
  const procs = new Map<string, Proc>();
  const options = { startLettersMin: START_LETTERS_MIN };
  for (const word of call.args) {
    try {
      for (const proc of (await findProcs(call.client, word, options)).procs) procs.set(proc.id, proc);
    } catch (error) {
      if (!(error instanceof NothingFound)) throw error;
      // Repeating a removal is harmless, but a mistyped word should not pass in silence.
      if (!call.quiet && !call.json) call.io.stderr.write(`sharku: ${error.message}\n`);
    }
  }
  return [...procs.values()];
}
