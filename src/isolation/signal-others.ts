import type { Cgroups } from "./cgroup.ts";

const GONE_POLL_MS = 20;

/**
 * Sends a signal to every process of a run but its init and its main process: with that one all others end at once, so
 * that what it has started would have no time to. Answers whom it was sent to; nobody where the main process is not
 * known.
 */
export async function signalOthers(
  runId: string,
  {
    signal,
    mainPids,
    cgroups,
  }: { signal: NodeJS.Signals; mainPids: readonly number[] | null; cgroups: Pick<Cgroups, "pids"> },
): Promise<readonly number[]> {
  if (mainPids === null) return [];
  const others = (await cgroups.pids(runId)).filter((pid) => !mainPids.includes(pid));
  for (const pid of others) {
    try {
      process.kill(pid, signal);
    } catch {
      // Gone in between.
    }
  }
  return others;
}

/** Waits until none of these is left in the run; false where nobody wants to know any more. */
export async function untilGone(
  pids: readonly number[],
  {
    runId,
    cgroups,
    sleep,
    isWanted,
  }: {
    runId: string;
    cgroups: Pick<Cgroups, "pids">;
    sleep: (ms: number) => Promise<void>;
    isWanted: () => boolean;
  },
): Promise<boolean> {
  while (isWanted()) {
    const left = await cgroups.pids(runId);
    if (!pids.some((pid) => left.includes(pid))) return left.length > 0;
    await sleep(GONE_POLL_MS);
  }
  return false;
}
