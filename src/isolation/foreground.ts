import { spawn } from "node:child_process";
import type { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { BoundedLines } from "../lib/bounded-lines.ts";
import type { IsolationNeeds } from "./isolation.ts";

/** A container that lives as long as somebody waits for it, with pipes for its standard streams. */
export interface ForegroundRun {
  readonly jobId: string;
  readonly bundleDir: string;
  /** Null for none: its standard input ends at once. */
  readonly input: Readable | null;
  readonly onLine: (line: string) => void;
  readonly signal: AbortSignal;
}

export interface ForegroundEnd {
  /** Null where it was killed. */
  readonly code: number | null;
  /** The first of what it said on standard error. */
  readonly stderr: string;
}

/** Of the program's error words, this much is kept. */
const STDERR_BYTES_MAX = 8 * 1024;

/** A stranger decides how long a line is; this much of it is passed on. */
const LINE_CHARS_MAX = 16_384;

const KILL_POLL_MS = 20;

/**
 * Runs the bundle to its end, or kills all of the container when the signal aborts. The caller destroys what is left.
 * Its streams are pipes, never /dev/null, which an old crun would give to the container.
 */
export async function runForeground(
  run: ForegroundRun,
  needs: Pick<IsolationNeeds, "runtime" | "cgroups" | "sleep" | "report">,
): Promise<ForegroundEnd> {
  const [program = "", ...rest] = needs.runtime.runArgv(run.jobId, run.bundleDir);
  const child = spawn(program, rest, { stdio: ["pipe", "pipe", "pipe"] });
  const stderr: string[] = [];
  const ended = new Promise<number | null>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code) => resolve(code));
  });
  ended.catch(() => undefined);
  // A child that could not be spawned, for want of descriptors say, has no pipes at all.
  if (!child.stdout) return { code: await ended, stderr: "" };
  child.stdout.on("data", new BoundedLines(LINE_CHARS_MAX, run.onLine).add);
  child.stderr.on("data", (chunk: Buffer) => {
    if (stderr.join("").length < STDERR_BYTES_MAX) stderr.push(chunk.toString("utf8"));
  });
  let over = false;
  const abort = () => void killUntil(() => over, run.jobId, needs);
  run.signal.addEventListener("abort", abort, { once: true });
  if (run.signal.aborted) abort();
  try {
    const fed = feed(run.input, child.stdin);
    const code = await ended;
    await fed;
    return { code, stderr: stderr.join("").slice(0, STDERR_BYTES_MAX) };
  } finally {
    over = true;
    run.signal.removeEventListener("abort", abort);
    run.input?.destroy();
  }
}

/** A program that has seen enough closes its input; its exit code tells whether that was well. */
async function feed(input: Readable | null, stdin: NodeJS.WritableStream): Promise<void> {
  if (input === null) {
    stdin.on("error", () => undefined);
    stdin.end();
  } else await pipeline(input, stdin).catch(() => undefined);
}

/** The container may still be in the making when its job is called off, so one kill is not enough. */
async function killUntil(
  isOver: () => boolean,
  jobId: string,
  { cgroups, sleep, report }: Pick<IsolationNeeds, "cgroups" | "sleep" | "report">,
): Promise<void> {
  while (!isOver()) {
    await cgroups.kill(jobId).catch((fault: unknown) => report(fault, { jobId }));
    await sleep(KILL_POLL_MS);
  }
}
