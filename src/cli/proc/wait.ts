import { waitGoals } from "../../contract/routes.ts";
import type { Command, Invocation } from "../command.ts";
import { exitCode } from "../exit-codes.ts";
import { findOneProc } from "../find-procs.ts";
import { printJson, remark } from "../output/print.ts";
import { escapeControls } from "../output/sanitize.ts";
import { awaitProc, describeEnd, exitCodeOf, hasEnded } from "./await-proc.ts";
import { remarkLogTail } from "./log-tail.ts";

export const waitCommand: Command = {
  path: ["wait"],
  arguments: "ID",
  argumentCount: [1, 1],
  summary: "Wait for the end of a proc and exit with its exit code",
  options: {
    until: { type: "string", value: "GOAL", help: `${waitGoals.join(", ")} (default exited)` },
    timeout: { type: "string", value: "TIME", help: "give up after this long (default never)" },
  },
  examples: ["sharku wait 3f2a", "sharku wait 3f2a --until running --timeout 10s"],
  run: wait,
};

async function wait(call: Invocation): Promise<number> {
  const { client, io, options } = call;
  const until = options.choice("until", waitGoals) ?? "exited";
  const timeoutMs = options.durationMs("timeout");
  const { id } = await findOneProc(client, call.args[0] ?? "");
  const proc = await awaitProc(client, id, { until, timeoutMs });
  if (call.json) printJson(io.stdout, proc);
  if (until === "exited") {
    if (!call.json) io.stdout.write(`${exitCodeOf(proc)}\n`);
    if (exitCodeOf(proc) !== 0) remark(call, escapeControls(`${proc.name} ${describeEnd(proc)}`));
    if (exitCodeOf(proc) !== 0) remarkLogTail(call, proc);
    return exitCodeOf(proc);
  }
  const wasReached = until === "ready" ? proc.readyAt !== null : proc.startedAt !== null;
  if (!call.json) io.stdout.write(hasEnded(proc) ? `${describeEnd(proc)}\n` : `${proc.state}\n`);
  return exitCode(wasReached ? "ok" : "refused");
}
