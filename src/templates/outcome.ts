import { type ErrorCode, SharkuError } from "../contract/errors.ts";
import type { BuildJob, BuildSandbox, JobEnd } from "./needs.ts";
import { masked } from "./proxies.ts";

/** How much of what a command said is told: its last lines. */
const LINES_MAX = 12;
const LINE_CHARS_MAX = 300;

/** How many lines of one command are kept: those of a report are few. */
const REPORT_LINES_MAX = 2_000;

export interface JobOutput {
  readonly end: JobEnd;
  readonly lines: readonly string[];
}

/**
 * Runs a job and gathers what it prints. `onLine` sees every line; of those it does not keep, the last are told where
 * the job fails.
 * Errors: as `explain` says; the signal's reason.
 */
export async function runJob(
  job: Omit<BuildJob, "onLine"> & { readonly onLine?: (line: string) => void },
  {
    sandbox,
    explain,
    isList = false,
  }: {
    readonly sandbox: BuildSandbox;
    readonly explain: Explain;
    /** Whether its lines are members of an archive, which tell nothing of what went wrong and may say anything. */
    readonly isList?: boolean;
  },
): Promise<JobOutput> {
  const lines: string[] = [];
  const env = job.env ?? {};
  const onLine = (said: string) => {
    const line = masked(said, env);
    if (!isList) lines.push(line);
    if (lines.length > REPORT_LINES_MAX) lines.shift();
    job.onLine?.(line);
  };
  const ended = await sandbox.run({ ...job, onLine });
  const end = { ...ended, stderr: masked(ended.stderr, env) };
  job.signal.throwIfAborted();
  if (end.code === 0) return { end, lines };
  throw failure({ end, lines }, explain);
}

/** The code and the beginning of the message of a job that did not end well. */
export type Explain = (output: JobOutput) => readonly [code: ErrorCode, message: string];

export function failure(output: JobOutput, explain: Explain): SharkuError {
  const words = lastWords(output);
  if (/No space left on device|Disk quota exceeded/.test(words))
    return new SharkuError(
      "disk-full",
      `Cannot build the template: the disk is full, wanted room for its files`,
    );
  const [code, message] = explain(output);
  const killed =
    output.end.code === null || output.end.code === 137 ? "it was killed, for want of memory say" : "";
  const what = [killed, words].filter(Boolean).join("; ");
  return new SharkuError(code, what === "" ? message : `${message}: ${what}`);
}

/**
 * In one line: its errors, as it marks them, and the last that it said; without what only tells of progress. What gpgv
 * says of good signatures buries the rest, and of bad ones debootstrap has an error of its own.
 */
export function lastWords({ end, lines }: JobOutput): string {
  const said = [...lines, ...end.stderr.split("\n")]
    .map((line) => line.trim())
    .filter((line) => line !== "" && !progressPattern.test(line));
  const marked = said.filter((line) => /^E: /.test(line)).slice(-ERRORS_MAX);
  const others = marked.length === 0 ? said : said.filter((line) => !line.startsWith("gpgv: "));
  const last = others.slice(-LINES_MAX).filter((line) => !marked.includes(line));
  return [...marked, ...last]
    .map((line) => (line.length <= LINE_CHARS_MAX ? line : `${line.slice(0, LINE_CHARS_MAX)}…`))
    .join("; ");
}

const ERRORS_MAX = 4;
const progressPattern =
  /^(I: |E [dlf] |(dl|pm)status:|Get:|Hit:|tar: Exiting with|mknod: |\d{4}-\d\d-\d\d [\d:]+ URL:)/;
