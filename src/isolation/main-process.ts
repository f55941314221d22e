import { readFile, writeFile } from "node:fs/promises";
import { firstPid } from "./first-process.ts";
import { type IsolationDirs, runPaths } from "./run-paths.ts";

/** The init starts the app before all else, so in the container this is its number. */
const MAIN_PID_INSIDE = 2;

/** How long the init may take to start the app before its pid is taken for unknown, in milliseconds. */
const FIND_MS_MAX = 1_000;
const FIND_POLL_MS = 5;

export interface MainProcessesNeeds {
  readonly dirs: IsolationDirs;
  readonly sleep: (ms: number) => Promise<void>;
}

/**
 * Which process on the host is a run's app: the child that its init has started, by which it is known when the kernel
 * tells whom it has killed. It is written down beside the run, for a daemon that comes only after its end.
 */
export class MainProcesses {
  readonly #needs: MainProcessesNeeds;
  readonly #known = new Set<string>();

  constructor(needs: MainProcessesNeeds) {
    this.#needs = needs;
  }

  /** Finds it and writes it down, once. Never throws: where it cannot be found, it stays unknown. */
  async find(runId: string): Promise<void> {
    if (this.#known.has(runId)) return;
    this.#known.add(runId);
    const { dirs, sleep } = this.#needs;
    const paths = runPaths(dirs, runId);
    const init = await firstPid(paths);
    if (init === null) return;
    for (let waited = 0; waited < FIND_MS_MAX && this.#known.has(runId); waited += FIND_POLL_MS) {
      const children = await childrenOf(init);
      if (children === null) return;
      for (const pid of children) {
        if ((await pidInside(pid)) !== MAIN_PID_INSIDE) continue;
        // A run that is gone meanwhile has no place for it any more.
        await writeFile(paths.mainPidFile, `${pid}\n`).catch(() => undefined);
        return;
      }
      await sleep(FIND_POLL_MS);
    }
  }

  /** The init and the app; null where the app's pid is not known. */
  async pids(runId: string): Promise<readonly number[] | null> {
    const paths = runPaths(this.#needs.dirs, runId);
    const init = await firstPid(paths);
    const app = Number.parseInt(await readFile(paths.mainPidFile, "utf8").catch(() => ""), 10);
    return init === null || Number.isNaN(app) ? null : [init, app];
  }

  forget(runId: string): void {
    this.#known.delete(runId);
  }
}

/** Null where the process is gone. */
async function childrenOf(pid: number): Promise<number[] | null> {
  const text = await readFile(`/proc/${pid}/task/${pid}/children`, "utf8").catch(() => null);
  return text === null ? null : text.split(" ").filter(Boolean).map(Number);
}

/** Its number in the innermost namespace; null where it is gone. */
async function pidInside(pid: number): Promise<number | null> {
  const text = await readFile(`/proc/${pid}/status`, "utf8").catch(() => "");
  const numbers = /^NSpid:\s+(.*)$/m.exec(text)?.[1]?.split(/\s+/);
  return numbers === undefined ? null : Number(numbers.at(-1));
}
