import { judgeCgroups } from "./checks/cgroups.ts";
import { judgeDisk } from "./checks/disk.ts";
import { judgeKernel } from "./checks/kernel.ts";
import { judgeNetwork } from "./checks/network.ts";
import { judgePlaces } from "./checks/places.ts";
import { type JudgeOptions, judgeTools } from "./checks/tools.ts";
import type { HostFacts } from "./facts.ts";
import { type GatherOptions, gatherFacts } from "./gather.ts";

/**
 * Room host: whether this machine can run procs, and what to do where it cannot. It holds the one copy of that
 * knowledge: `npm run setup` applies the cures, `sharku doctor` prints them. It changes nothing itself.
 *
 * INVARIANTS
 * - Looking changes nothing on the host; what is tried is tried in a namespace that ends with the trial.
 * - gather.ts reads and never judges; the checks judge facts and never read.
 * - A result is plain data. Its `commands` may be run again without harm and only by root.
 */
export interface CheckResult {
  readonly name: string;
  /** `warn`: procs run, with less than they could have. */
  readonly status: "ok" | "warn" | "fail";
  readonly found: string;
  /** What a person would do about it; null where all is well. */
  readonly cure: string | null;
  /** Packages that cure it, by the names of this host's package manager. */
  readonly packages: readonly string[];
  /** Commands that cure it without a decision of anybody's. */
  readonly commands?: readonly (readonly string[])[];
}

/** What the set-up may do by itself, and what is left to a person. */
export interface Cures {
  readonly packages: readonly string[];
  readonly commands: readonly (readonly string[])[];
  readonly byHand: readonly CheckResult[];
}

export type CheckOptions = GatherOptions & JudgeOptions;

/** Looks at everything. Quick: a few dozen files and half a dozen small programs at once. */
export async function runChecks(options: CheckOptions = {}): Promise<CheckResult[]> {
  return judge(await gatherFacts(options), options);
}

/** All judgements over the facts of one host. */
export function judge(facts: HostFacts, options: JudgeOptions = {}): CheckResult[] {
  return [
    ...judgeTools(facts, options),
    ...judgeCgroups(facts),
    ...judgeKernel(facts),
    ...judgeDisk(facts),
    ...judgeNetwork(facts),
    ...judgePlaces(facts),
  ];
}

export function cures(results: readonly CheckResult[]): Cures {
  const open = results.filter((result) => result.status !== "ok");
  return {
    packages: [...new Set(open.flatMap((result) => result.packages))].sort(),
    commands: open.flatMap((result) => result.commands ?? []),
    byHand: open.filter((result) => result.packages.length === 0 && result.commands === undefined),
  };
}
