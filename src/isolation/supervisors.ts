import { readdir, readFile } from "node:fs/promises";

/** How long a supervisor may take to be gone after SIGKILL, in milliseconds. */
const GONE_MS_MAX = 5_000;
const POLL_MS = 5;

/** The programs that work on containers; nobody else is ended for having the same word among its arguments. */
const programs = /(^|\/)(conmon|crun|runc|runsc|nsenter)$/;

/**
 * Ends whatever is at work on that container from outside: its supervisor, also one that has not come as far as to
 * write its pid file, and a runtime that is still creating. They are known by their command line, which names the
 * container as a word of its own. When this returns, nobody makes anything in its name any more.
 */
export async function endSupervisors(
  containerId: string,
  sleep: (ms: number) => Promise<void>,
): Promise<void> {
  for (let waited = 0; waited < GONE_MS_MAX; waited += POLL_MS) {
    const pids = await findSupervisors(containerId);
    if (pids.length === 0) return;
    for (const pid of pids) killQuietly(pid);
    await sleep(POLL_MS);
  }
}

async function findSupervisors(containerId: string): Promise<number[]> {
  const found: number[] = [];
  for (const name of await readdir("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    const line = await readFile(`/proc/${name}/cmdline`, "utf8").catch(() => "");
    const words = line.split("\0");
    if (words.includes(containerId) && programs.test(words[0] ?? "")) found.push(Number(name));
  }
  return found;
}

function killQuietly(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // Gone in between.
  }
}
