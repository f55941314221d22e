import { readdir, readFile } from "node:fs/promises";

/** How long a supervisor may take to be gone after SIGKILL, in milliseconds. */
const GONE_MS_MAX = 5_000;
const POLL_MS = 5;

/** The programs that work on containers; nobody else is ended for having the same word among its arguments. */
const programs = /(^|\/)(conmon|crun|runc|runsc|nsenter)$/;

/** How many words of a command line may come before the runtime's: those of an interpreter. */
const WORDS_BEFORE_MAX = 3;

export interface EndedWith {
  /** The runtime's program, which may be a script. */
  readonly program: string;
  readonly sleep: (ms: number) => Promise<void>;
}

/**
 * Ends whatever is at work on that container from outside: its supervisor, also one that has not come as far as to
 * write its pid file, and a runtime that is still creating, with what that one has started. They are known by their
 * command line, which names the container as a word of its own, and by the supervisor's session. When this returns,
 * nobody makes anything in its name any more.
 */
export async function endSupervisors(containerId: string, { program, sleep }: EndedWith): Promise<void> {
  const sessions = new Set<number>();
  for (let waited = 0; waited < GONE_MS_MAX; waited += POLL_MS) {
    const pids = await findWorkers(containerId, { program, sessions });
    if (pids.length === 0) return;
    for (const pid of pids) killQuietly(pid);
    await sleep(POLL_MS);
  }
}

/** Adds the sessions of supervisors to those that are given. */
async function findWorkers(
  containerId: string,
  { program, sessions }: { program: string; sessions: Set<number> },
): Promise<number[]> {
  const ours = (await statOf("self"))?.session;
  const found: number[] = [];
  const members: [pid: number, session: number][] = [];
  for (const name of await readdir("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    const words = (await readFile(`/proc/${name}/cmdline`, "utf8").catch(() => "")).split("\0");
    const stat = await statOf(name);
    if (stat === null || stat.isZombie) continue;
    members.push([Number(name), stat.session]);
    if (!words.includes(containerId) || !isAtWork(words, program)) continue;
    found.push(Number(name));
    // A supervisor leads a session; nothing of the container's own is in it.
    if (/(^|\/)conmon$/.test(words[0] ?? "") && stat.session !== ours) sessions.add(stat.session);
  }
  const started = members.filter(([, session]) => sessions.has(session)).map(([pid]) => pid);
  return [...new Set([...found, ...started])];
}

function isAtWork(words: readonly string[], program: string): boolean {
  return programs.test(words[0] ?? "") || words.slice(0, WORDS_BEFORE_MAX).includes(program);
}

/** Reads proc_pid_stat(5): behind the name in parentheses come state, parent, group and session. */
async function statOf(pid: string): Promise<{ session: number; isZombie: boolean } | null> {
  const text = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => null);
  if (text === null) return null;
  const [state, , , session] = text.slice(text.lastIndexOf(")") + 2).split(" ");
  return { session: Number(session), isZombie: state === "Z" };
}

function killQuietly(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // Gone in between.
  }
}
