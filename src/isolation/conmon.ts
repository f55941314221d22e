import { type ChildProcess, type SpawnOptions, spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { dirname } from "node:path";
import { Readable } from "node:stream";
import type { RunPaths } from "./run-paths.ts";
import type { Runtime } from "./runtime.ts";

/** The supervisor's answer is one line; a runtime that spews is cut here. */
const ANSWER_BYTES_MAX = 64 * 1024;

/**
 * A far backstop against a full disk while the daemon is away: past it conmon begins the file anew and what was
 * in it is gone.
 */
const LOG_BYTES_MAX = 50 * 1024 * 1024;

/** Runs that command line, its fourth descriptor being a pipe to us. */
export type Launch = (argv: readonly string[]) => ChildProcess;

/** What becomes a supervisor is started with these. */
export const launchOptions = {
  // A session of its own: a Ctrl-C at the daemon's terminal is not for the procs.
  detached: true,
  cwd: "/",
  env: { PATH: process.env["PATH"], _OCI_SYNCPIPE: "3" },
} as const satisfies SpawnOptions;

/** The supervisor, or the runtime under it, did not make the container. The message is for the proc's owner. */
export class CreateError extends Error {
  override readonly name = "CreateError";
}

/**
 * Starts a supervisor for one container and lets it create the container. It detaches from us: it holds the
 * app's pipes, writes its log and its exit file, and goes on when the daemon dies.
 * No `-i`: with it the app's standard input would never end.
 * `--full-attach`: without it conmon dies without a word where its socket directory is missing.
 * Errors: CreateError with the runtime's words.
 */
export async function createSupervised(
  containerId: string,
  {
    runtime,
    paths,
    logFile,
    program,
    launch,
  }: { runtime: Runtime; paths: RunPaths; logFile: string; program: string; launch: Launch },
): Promise<{ pid: number }> {
  const child = launch([
    program,
    ...["--api-version", "1", "--cid", containerId, "--cuuid", containerId, "--name", containerId],
    ...["--runtime", runtime.program, ...runtime.globalArguments.flatMap((word) => ["--runtime-arg", word])],
    ...["--bundle", paths.bundleDir, "--container-pidfile", paths.pidFile],
    ...["--conmon-pidfile", paths.conmonPidFile, "--exit-dir", dirname(paths.exitFile)],
    ...["--log-path", `k8s-file:${logFile}`, "--log-size-max", String(LOG_BYTES_MAX)],
    ...["--full-attach", "--no-sync-log", "--log-level", "error"],
  ]);
  const failed = new Promise<never>((_, reject) => {
    child.once("error", (cause) =>
      reject(new CreateError(`Cannot run "${program}": ${cause.message}`, { cause })),
    );
  });
  // Somebody waits for it below; where that comes too late, the error is the answer's all the same.
  failed.catch(() => undefined);
  // A child that could not be spawned, for want of descriptors say, has no pipes at all.
  const pipe = child.stdio?.[3];
  if (!(pipe instanceof Readable)) return await failed;
  try {
    return parseAnswer(await Promise.race([readLine(pipe, runtime.timeoutMs), failed]));
  } finally {
    pipe.destroy();
    child.unref();
  }
}

/** How a supervisor is started where it needs no surroundings of its own. */
export function launchPlainly([program = "", ...rest]: readonly string[]): ChildProcess {
  return spawn(program, rest, { ...launchOptions, stdio: ["ignore", "ignore", "ignore", "pipe"] });
}

/** The supervisor's pid, where it lives and is really the one of this container; null otherwise. */
export async function supervisorPid(containerId: string, paths: RunPaths): Promise<number | null> {
  const pid = Number.parseInt(await readFile(paths.conmonPidFile, "utf8").catch(() => ""), 10);
  if (!Number.isSafeInteger(pid) || pid <= 1) return null;
  return isSupervisor(pid, containerId) ? pid : null;
}

/** A pid can have gone to another process since; the command line tells. One small file that is no disk's, so at once. */
export function isSupervisor(pid: number, containerId: string): boolean {
  if (pid <= 1) return false;
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0").includes(containerId);
  } catch {
    return false;
  }
}

async function readLine(pipe: Readable, timeoutMs: number): Promise<string> {
  const late = new CreateError(
    `Cannot create the container: the runtime gave no answer in ${timeoutMs / 1000} s`,
  );
  const timer = setTimeout(() => pipe.destroy(late), timeoutMs);
  try {
    let text = "";
    for await (const chunk of pipe) {
      text += String(chunk);
      if (text.includes("\n") || text.length > ANSWER_BYTES_MAX) break;
    }
    return text;
  } finally {
    clearTimeout(timer);
  }
}

/** `{"data": PID}` where all went well, `{"data": -1, "message": …}` otherwise; nothing where conmon died. */
function parseAnswer(line: string): { pid: number } {
  const answer = parseJson(line);
  if (typeof answer["data"] === "number" && answer["data"] > 0) return { pid: answer["data"] };
  const words = typeof answer["message"] === "string" ? answer["message"].trim() : "";
  throw new CreateError(
    words === "" ? "Cannot create the container: the supervisor ended without an answer" : plainWords(words),
  );
}

/** crun's words come as log lines of their own; the last is the cause. */
function plainWords(words: string): string {
  const last = words.split("\n").at(-1) ?? words;
  return `Cannot create the container: ${last.replace(/^\S+Z:?\s*/, "").slice(0, 4096)}`;
}

function parseJson(line: string): Record<string, unknown> {
  try {
    const parsed: unknown = JSON.parse(line);
    return typeof parsed === "object" && parsed !== null ? { ...parsed } : {};
  } catch {
    return {};
  }
}
