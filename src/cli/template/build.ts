import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { basename, resolve } from "node:path";
import { ConnectionLost } from "../../client/cannot-connect.ts";
import { SharkuError } from "../../contract/errors.ts";
import type { Progress as BuildStep, Template } from "../../contract/template.ts";
import type { Invocation } from "../command.ts";
import { CliError } from "../errors.ts";
import { Interrupts } from "../interrupts.ts";
import { openStdin, type Piped } from "../io.ts";
import { BuildProgress } from "../output/build-progress.ts";
import { Progress } from "../output/progress.ts";
import { optionAt, valueAt, type Wanted } from "./wanted.ts";

/** Builds to the end and shows how far it is. The build lives as long as its call, so Ctrl-C ends it. */
export async function build(call: Invocation, wanted: Wanted): Promise<Template> {
  const name = call.args[0] ?? "";
  const abort = new AbortController();
  using interrupts = new Interrupts(call.io);
  interrupts.handle(() => abort.abort());
  const quiet = call.quiet || call.json;
  const shown = { io: call.io, paint: call.paint.stderr, quiet };
  const progress = new BuildProgress({ ...shown, title: `Building ${name}` });
  const { signal } = abort;
  try {
    const template =
      wanted.kind === "archive"
        ? await sendArchive(call, { path: wanted.path, progress, signal })
        : await call.client.createTemplate(wanted.spec, {
            onProgress: (step) => showStep(call, { step, progress }),
            signal,
          });
    progress.finish(`Built ${name}`);
    return template;
  } catch (error) {
    progress.clear();
    if (signal.aborted)
      throw new CliError(`Cannot create template "${name}": interrupted, the build is ended`, {
        exit: "interrupted",
        cause: error,
      });
    throw explain(call, { error, wanted });
  }
}

function showStep(call: Invocation, { step, progress }: { step: BuildStep; progress: BuildProgress }): void {
  if (call.json) call.io.stdout.write(`${JSON.stringify({ progress: step })}\n`);
  progress.update(step);
}

async function sendArchive(
  call: Invocation,
  { path, progress, signal }: { path: string; progress: BuildProgress; signal: AbortSignal },
): Promise<Template> {
  const { io, paint, options } = call;
  const archive = await openArchive(call, path);
  const quiet = call.quiet || call.json;
  const title = `Sending ${archive.title}`;
  const upload = new Progress({ io, paint: paint.stderr, quiet, title, totalBytes: archive.bytes });
  let isSent = false;
  const body = tellEnd(archive.stream, () => {
    isSent = true;
    upload.finish(`Sent ${archive.title}`);
  });
  try {
    return await call.client.putTemplateArchive(call.args[0] ?? "", ReadableStream.from(body), {
      replace: options.flag("replace"),
      onSent: (sentBytes) => upload.update(sentBytes),
      // Before that, the upload has the line, and tells more, unless it waits itself.
      onProgress: (step) =>
        (isSent || call.json || step.phase === "checking") && showStep(call, { step, progress }),
      signal,
    });
  } catch (error) {
    if (!isSent) upload.clear();
    throw error;
  } finally {
    archive.close();
  }
}

interface Archive extends Piped {
  readonly title: string;
  /** Null where nobody knows before its end. */
  readonly bytes: number | null;
}

async function openArchive({ io }: Invocation, path: string): Promise<Archive> {
  if (path === "-") return { title: "stdin", bytes: null, ...openStdin(io, "an archive") };
  const full = resolve(io.cwd, path);
  const found = await stat(full).catch((cause: NodeJS.ErrnoException) => {
    const what = cause.code === "ENOENT" ? "there is no such file" : cause.message;
    throw new CliError(`Cannot read archive "${path}": ${what}, a root filesystem's tar was wanted`, {
      cause,
    });
  });
  if (found.isDirectory())
    throw new CliError(
      `Cannot read archive "${path}": it is a directory, --directory takes one of the daemon's host`,
    );
  const bytes = found.isFile() ? found.size : null;
  return { title: basename(full), bytes, stream: readFile(path, full), close: () => undefined };
}

async function* readFile(path: string, full: string): AsyncGenerator<Uint8Array, void> {
  try {
    yield* createReadStream(full, { highWaterMark: 256 * 1024 });
  } catch (cause) {
    const what = cause instanceof Error ? cause.message : String(cause);
    throw new CliError(`Cannot read archive "${path}": ${what}, a readable file was wanted`, { cause });
  }
}

async function* tellEnd(
  bytes: AsyncIterable<Uint8Array>,
  atEnd: () => void,
): AsyncGenerator<Uint8Array, void> {
  yield* bytes;
  atEnd();
}

/** The daemon's words, told for the command line: an option in the place of its field. */
function explain(call: Invocation, { error, wanted }: { error: unknown; wanted: Wanted }): unknown {
  if (error instanceof ConnectionLost)
    return new CliError(
      `Cannot create template "${call.args[0]}": the daemon has gone away amid the build, which ended with it, build it again`,
      { exit: "unreachable", cause: error },
    );
  if (!(error instanceof SharkuError) || call.json || error.faults.length === 0) return error;
  let message = error.message;
  const more: string[] = [];
  for (const { pointer, detail } of error.faults) {
    const option = nameFault(pointer, { wanted, message });
    if (option !== null) message = message.replaceAll(`"${pointer}"`, option).replaceAll(pointer, option);
    if (!message.includes(detail)) more.push(`${option ?? pointer} ${detail}`.trim());
  }
  const rest = more.length > 0 ? ` (${more.join("; ")})` : "";
  return new SharkuError(error.code, message + rest, { cause: error });
}

/** The option where a fault comes from, with its value where the message does not tell it. */
function nameFault(pointer: string, { wanted, message }: { wanted: Wanted; message: string }): string | null {
  const option = optionAt(pointer);
  const value = wanted.kind === "spec" ? valueAt(wanted.spec, pointer) : null;
  return option === null || value === null || message.includes(`"${value}"`)
    ? option
    : `${option} "${value}"`;
}
