import { constants } from "node:fs";
import { access } from "node:fs/promises";
import { basename, join } from "node:path";
import type { Image } from "../../contract/image.ts";
import { networkModes, type Proc, type ProcSpec } from "../../contract/proc.ts";
import { Label, ProcId } from "../../contract/words.ts";
import type { Command, Invocation } from "../command.ts";
import { CliError, UsageError } from "../errors.ts";
import { openSource, type Source } from "../image/pack.ts";
import { findReference, type Reference } from "../image/refer.ts";
import { sendImage } from "../image/send.ts";
import { Interrupts } from "../interrupts.ts";
import { findTemplate } from "../template/find-template.ts";
import { hasEnded } from "./await-proc.ts";
import { healthOptions, readHealth } from "./health-options.ts";
import { liveLimitOptions, startLimitOptions } from "./limit-options.ts";
import { restartOptions } from "./restart-options.ts";
import { chooseProgram, fitLabel, givenCommand, nextName, readSettings } from "./run-plan.ts";
import { runDetached, runInForeground } from "./run-watch.ts";

export const runCommand: Command = {
  path: ["run"],
  arguments: "[DIR|ARCHIVE|-|URL|DIGEST] [-- COMMAND...]",
  argumentCount: [0, 1],
  takesCommand: true,
  summary: "Send an app and run one of its processes, or a command in it",
  details:
    "Without a command, the Procfile's web is run. The log is followed until the proc ends; Ctrl-C stops it, a " +
    "second Ctrl-C kills it, and its exit code becomes this command's own. Without an app the proc starts in " +
    "an empty directory. A URL is fetched by the daemon; a DIGEST is of an image that it has. A command in one quoted word is a line for the shell: -- 'serve --port $PORT'.",
  options: {
    app: { type: "string", short: "a", value: "APP", help: "the app's name (default: the directory's)" },
    name: { type: "string", value: "NAME", help: "the proc's name (default: web.1, web.2, ...)" },
    process: { type: "string", short: "p", value: "NAME", help: "a line of the Procfile (default: web)" },
    config: {
      type: "string",
      short: "c",
      value: "K[=V]",
      multiple: true,
      help: "a variable of its environment; K alone takes yours",
    },
    "config-file": { type: "string", value: "FILE", multiple: true, help: "a file of such variables" },
    sha256: { type: "string", value: "HEX", help: "the sum that what is fetched by URL must have" },
    ...liveLimitOptions,
    ...startLimitOptions,
    network: { type: "string", value: "MODE", help: `${networkModes.join(" or ")} (default private)` },
    template: { type: "string", value: "NAME", help: "the filesystem it runs on (default host)" },
    runtime: {
      type: "string",
      value: "NAME",
      help: "crun, runc, runsc (gVisor) or what else info lists (default: the daemon's)",
    },
    grace: {
      type: "string",
      short: "g",
      value: "TIME",
      help: "how long a stop may take before it is killed (default 30s)",
    },
    "stop-all": {
      type: "boolean",
      help: "a stop's signal goes to all its processes, to the main one when the others have ended",
    },
    ...restartOptions,
    label: { type: "string", short: "l", value: "K=V", multiple: true, help: "a label" },
    callback: { type: "string", value: "URL", help: "is told each change of its state" },
    id: { type: "string", value: "ID", help: "an id of your choice; repeating it is harmless" },
    ...healthOptions,
    detach: {
      type: "boolean",
      short: "d",
      help: "return as soon as it runs, and is ready where it has checks",
    },
    rm: { type: "boolean", help: "forget the proc and its log when it has ended" },
  },
  examples: [
    "sharku run .",
    "sharku run . --process worker --config LOG=debug -d",
    "sharku run app.tar.gz --app shop --memory 256M",
    "sharku run https://example.org/slug.tar.gz --sha256 9f86d081884c7d65... -d",
    "sharku run --rm -- python3 -m this",
    "sharku run . -- 'python3 -m http.server $PORT'",
  ],
  run,
};

async function run(call: Invocation): Promise<number> {
  checkUsage(call);
  const settings = await readSettings(call);
  const [path] = call.args;
  const reference = path === undefined ? null : await findReference(call, path);
  const source = path === undefined || reference ? null : await openSource(path, call.io);
  await checkTemplate(call);
  await checkProcfile(call, source);
  using interrupts = new Interrupts(call.io);
  const sent = source ? await sendUnlessInterrupted(call, { source, interrupts }) : null;
  const app = reference ?? (source && sent && { ref: sent.digest, image: sent, title: source.title });
  const proc = await createProc(call, { ...settings, ...(await identify(call, app)) });
  if (call.options.flag("detach")) return await runDetached(call, { proc, interrupts });
  // Awaited here, since the interrupts are held no longer than this function.
  return await runInForeground(call, { proc, interrupts });
}

function checkUsage(call: Invocation): void {
  const { args, options, rest } = call;
  const command = givenCommand(rest);
  if (command !== null && options.text("process") !== undefined)
    throw new UsageError("Cannot take --process and a command together: one thing to run was wanted");
  if (args.length === 0 && command === null)
    throw new UsageError(
      "Cannot run nothing: give an app, sharku run DIR, or a command, sharku run -- COMMAND",
    );
  options.label("app", Label);
  options.label("name", Label);
  options.label("process", Label);
  options.label("id", ProcId);
  if (options.flag("rm") && options.flag("detach"))
    throw new UsageError("Cannot take --rm and --detach together: nobody would be there to remove the proc");
}

/** A word mistyped is told with what is near, and before anything is sent. */
async function checkTemplate({ client, options }: Invocation): Promise<void> {
  const name = options.text("template");
  if (name === undefined) return;
  const { state } = await findTemplate(client, name);
  if (state === "building")
    throw new CliError(
      `Cannot run on template "${name}": it is being built, wait until sharku template ls says ready`,
    );
}

/** Before a large directory is sent for nothing; what the Procfile says is read by the daemon alone. */
async function checkProcfile(call: Invocation, source: Source | null): Promise<void> {
  if (source?.kind !== "directory" || givenCommand(call.rest) !== null) return;
  const found = await access(join(source.path, "Procfile"), constants.F_OK).then(
    () => true,
    () => false,
  );
  if (!found) chooseProgram(call, null);
}

async function sendUnlessInterrupted(
  call: Invocation,
  { source, interrupts }: { source: Source; interrupts: Interrupts },
): Promise<Image> {
  const abort = new AbortController();
  interrupts.handle(() => abort.abort());
  try {
    return await sendImage(call, source, abort.signal);
  } catch (error) {
    if (!abort.signal.aborted) throw error;
    throw new CliError("Cannot run the app: interrupted while it was sent", { exit: "interrupted" });
  }
}

async function identify(call: Invocation, app: Reference | null): Promise<ProcSpec> {
  const { options } = call;
  const program = chooseProgram(call, app);
  const label = options.text("app") ?? fitLabel(app?.title ?? programOf(call.rest?.[0] ?? ""));
  const name = options.text("name") ?? nextName(program.name, await takenNames(call, label));
  const health = readHealth(call, program.kind === "process" ? program.name : null);
  const what = program.kind === "command" ? { command: program.command } : { process: program.name };
  return { app: label, name, ...(app && { image: app.ref }), ...(health && { health }), ...what };
}

/** `python3` of `/usr/bin/python3` and of `python3 -m this`; nothing of what only a shell understands. */
function programOf(word: string): string {
  const [first = ""] = word.trim().split(/\s/);
  return /^[\w./-]+$/.test(first) ? basename(first) : "run";
}

async function takenNames(call: Invocation, app: string): Promise<Set<string>> {
  const names = new Set<string>();
  for await (const proc of call.client.allProcs({ app })) if (!hasEnded(proc)) names.add(proc.name);
  return names;
}

function createProc(call: Invocation, spec: ProcSpec): Promise<Proc> {
  const id = call.options.text("id");
  return id === undefined ? call.client.createProc(spec) : call.client.putProc(id, spec);
}
