import type { OomVictim } from "../procs/needs.ts";

export interface OomEvidence {
  /** How many of the run's processes the kernel has killed for want of memory, by its end. */
  readonly kills: number;
  /** How many there had been when it was last looked while it ran; null where nobody has. */
  readonly killsBefore: number | null;
  /** Its init and its app; null where that is not known. */
  readonly mainPids: readonly number[] | null;
  /** Whom the kernel says it has killed; null where it cannot be asked. */
  readonly killed: ReadonlySet<number> | null;
}

/**
 * Whom the kernel has killed in a run that has ended by SIGKILL. Its log names pids and is sure. Without it the count
 * tells: one that has not grown since the last look cannot be of the app, and one that has is most likely of it.
 */
export function judgeOomVictim({ kills, killsBefore, mainPids, killed }: OomEvidence): OomVictim {
  if (kills === 0) return "none";
  if (killed !== null && mainPids !== null) return mainPids.some((pid) => killed.has(pid)) ? "main" : "other";
  return killsBefore === kills ? "other" : "unsure";
}
