import { readFile } from "node:fs/promises";
import { isDeepStrictEqual } from "node:util";
import { defaultLimits } from "../contract/proc.ts";
import type { RunPlan, TemplateFiles } from "../procs/needs.ts";
import { allFeatures, fewFeatures, type RuntimeFeatures, sentryFeatures } from "./features.ts";

/**
 * A trial is a run like any other, of a script that tells what it finds. Not by the runtime's name or version: those
 * of distributions have parts of newer ones, and an option that is not known is not always refused.
 */

/** How long the script may take once it was let run, in milliseconds. */
const SCRIPT_MS_MAX = 10_000;
const POLL_MS = 5;

/** Builtins of the shell only: a sandbox that lets some program fail is not one that does not work. */
const SCRIPT = [
  'while read name value _; do case "$name" in Seccomp:) echo "seccomp $value";; esac; done < /proc/self/status',
  "read line < /app/closed && echo closed",
  "true > /app/new && echo writable",
  "true > /tmp/new && echo tmp",
  "echo end",
].join("\n");

export interface TrialResult {
  readonly features: RuntimeFeatures;
  /** The runtime's words where no container came of it. */
  readonly problem: string | null;
  /** Whether it would come out the same another time. What failed in one way and then in another may not. */
  readonly isSure: boolean;
}

/** What a trial asks of the room: runs, made in a given way. */
export interface TrialGround {
  readonly template: TemplateFiles;
  readonly slot: number;
  readonly runId: string;
  /** In a directory that `destroy` removes. */
  readonly logFile: string;
  /** A directory like an image's, with a file `closed` that only its owner may read. */
  readonly imageDir: string;
  /** Whether runs are given a compiled filter, if only the runtime takes it. */
  readonly hasFilter: boolean;
  /** Makes it by the runtime that is on trial, taken for one that can do this. */
  create(plan: RunPlan, features: RuntimeFeatures): Promise<unknown>;
  start(runId: string): Promise<void>;
  exitCode(runId: string): Promise<number | null>;
  destroy(runId: string): Promise<void>;
  sleep(ms: number): Promise<void>;
  elapsedMs(): number;
  /** How long the runtime may take for one call. */
  readonly timeoutMs: number;
}

/**
 * From all that could be used to what every runtime has, until one way works; the first twice, since a fault may pass.
 * Never throws.
 */
export async function tryRuntime(ground: TrialGround): Promise<TrialResult> {
  const problems: string[] = [];
  const lateMs = ground.elapsedMs() + ground.timeoutMs;
  for (const asked of [allFeatures, allFeatures, fewFeatures, sentryFeatures]) {
    // It hangs, and would do so in any other way.
    if (ground.elapsedMs() >= lateMs) break;
    try {
      const features = await tryWay(ground, asked);
      const isSure = problems.length < 2 || problems[0] === problems[1];
      return { features, problem: null, isSure };
    } catch (fault) {
      problems.push(fault instanceof Error ? fault.message : String(fault));
    }
  }
  return { features: fewFeatures, problem: problems.at(-1) ?? "there was no time", isSure: false };
}

/** What it found is a way of its own, which may fail where all and few do not: it is tried, too. */
async function tryWay(ground: TrialGround, asked: RuntimeFeatures): Promise<RuntimeFeatures> {
  const found = foundOut(ground, { asked, words: await runScript(ground, asked) });
  if (!isDeepStrictEqual(found, asked)) await runScript(ground, found);
  return found;
}

function foundOut(
  { hasFilter }: TrialGround,
  { asked, words }: { asked: RuntimeFeatures; words: readonly string[] },
): RuntimeFeatures {
  return {
    ...asked,
    mappedBinds: asked.mappedBinds && words.includes("closed"),
    readyMadeSeccomp: asked.readyMadeSeccomp && hasFilter && words.includes("seccomp 2"),
    tmpfsModes: asked.tmpfsModes && words.includes("tmp"),
  };
}

/** What the script said. Errors: the runtime's words where it did not come to its end. */
async function runScript(ground: TrialGround, features: RuntimeFeatures): Promise<string[]> {
  const { runId, logFile } = ground;
  try {
    await ground.create(planOf(ground), features);
    await ground.start(runId);
    for (let waited = 0; waited < SCRIPT_MS_MAX; waited += POLL_MS) {
      if ((await ground.exitCode(runId)) !== null) break;
      await ground.sleep(POLL_MS);
    }
    const words = wordsOf(await readFile(logFile, "utf8").catch(() => ""));
    if (!words.includes("end")) throw new Error("the trial container ended without a word");
    return words;
  } finally {
    await ground.destroy(runId);
  }
}

/** The supervisor's lines: a time, the stream, F or P, and the text. */
function wordsOf(log: string): string[] {
  return log.split("\n").map((line) => line.split(" ").slice(3).join(" "));
}

function planOf({ template, slot, runId, logFile, imageDir }: TrialGround): RunPlan {
  return {
    ...{ runId, slot, template, imageDir, logFile },
    procId: runId,
    hostname: "trial",
    argv: ["/bin/sh", "-c", SCRIPT],
    env: { PATH: "/usr/bin:/bin" },
    limits: { ...defaultLimits, appBytes: 4 * 1024 * 1024 },
    runtime: "",
    network: { mode: "none" },
    hosts: "",
    resolvConf: "",
  };
}
