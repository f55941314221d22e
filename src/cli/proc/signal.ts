import { sendableSignals } from "../../contract/restart.ts";
import type { Command, Invocation } from "../command.ts";
import { eachLimited } from "../each-limited.ts";
import { UsageError } from "../errors.ts";
import { findAllProcs, START_LETTERS_MIN } from "../find-procs.ts";
import { printJson } from "../output/print.ts";

const AT_ONCE = 16;

export const signalCommand: Command = {
  path: ["signal"],
  arguments: "SIGNAL ID|APP...",
  argumentCount: [2, Infinity],
  summary: "Send a signal to the main process of procs",
  details: `SIGNAL is one of ${sendableSignals.join(", ")}; SIG may be left out. To end a proc, sharku stop is better: it waits, and kills what does not heed it.`,
  options: {},
  examples: ["sharku signal HUP guestbook", "sharku signal SIGUSR1 3f2a"],
  run: signal,
};

async function signal(call: Invocation): Promise<number> {
  const { client, io } = call;
  const [word = "", ...words] = call.args;
  const name = readSignal(word);
  const found = await findAllProcs(client, words, { startLettersMin: START_LETTERS_MIN });
  const work = async ({ id }: { id: string }) => await client.signalProc(id, { signal: name });
  const procs = await eachLimited(found, { limit: AT_ONCE, work });
  if (call.json) printJson(io.stdout, procs);
  else
    for (const proc of procs)
      io.stdout.write(call.quiet ? `${proc.id}\n` : `${proc.name} (${proc.id}) was sent ${name}\n`);
  return 0;
}

function readSignal(word: string): (typeof sendableSignals)[number] {
  const upper = word.toUpperCase();
  const name = sendableSignals.find((candidate) => candidate === upper || candidate === `SIG${upper}`);
  if (name !== undefined) return name;
  throw new UsageError(`Cannot send "${word}": one of ${sendableSignals.join(", ")} was wanted`);
}
