import { mkdir, readdir, rm } from "node:fs/promises";
import type { Limits } from "../contract/proc.ts";
import type { Figures } from "../contract/stats.ts";
import type { Isolation, OomVictim, RunPlan, RunSight } from "../procs/needs.ts";
import type { HostFacts } from "./bundle.ts";
import type { Cgroups } from "./cgroup.ts";
import { createSupervised, isSupervisor, supervisorPid } from "./conmon.ts";
import type { AppDisks } from "./disks/app-disks.ts";
import { ExitFiles } from "./exit-files.ts";
import { type LimitWarning, LimitWatch } from "./figures/limit-watch.ts";
import { judgeCommand } from "./find-command.ts";
import { firstPid, isBeforeCommand, sharesKernel } from "./first-process.ts";
import { killedForMemory } from "./kernel-kills.ts";
import { MainProcesses } from "./main-process.ts";
import { restoreNullDevice } from "./null-device.ts";
import { judgeOomVictim } from "./oom-victim.ts";
import { removeTree } from "./remove-tree.ts";
import { type RunWay, writeRunBundle } from "./run-bundle.ts";
import {
  bundlesDir,
  emptyDir,
  exitsDir,
  type IsolationDirs,
  runPaths,
  runtimeDir,
  scratchesDir,
} from "./run-paths.ts";
import type { ContainerStatus, Runtime } from "./runtime.ts";
import type { Runtimes } from "./runtimes.ts";
import { signalOthers, untilGone } from "./signal-others.ts";
import { endSupervisors } from "./supervisors.ts";

/**
 * Room isolation: a run is one container, made by the OCI runtime and watched by a supervisor of its own. It
 * knows nothing of procs, restarts or ports.
 *
 * INVARIANTS
 * - Nothing is mounted on the host: all mounts are in the bundle and live in the container's own namespace, but for
 *   the disk behind /app, which is mounted in a namespace that ends with the run.
 * - Every name on the host is made of the run's id, so `destroy` needs nothing else.
 * - A container's command never runs before /dev/null is the host's again.
 * - The host's ids of a container are `idBase + 2 * slot` (its root) and the next (its app).
 */

/** How often the supervisors are looked at, in milliseconds: one that was killed cannot tell that its app ended. */
const WATCH_MS = 2_000;

/** How long a supervisor may take to write the exit file once its container is empty, in milliseconds. */
const EXIT_FILE_MS_MAX = 5_000;
const EXIT_FILE_POLL_MS = 20;

/** What the init tells of an app that SIGKILL has ended, and the supervisor of such an init. */
const SIGKILL_CODE = 137;

/** How long the command may take to run once the runtime says that it does, in milliseconds. */
const START_MS_MAX = 2_000;
const START_POLL_MS = 2;

/** What runs and throwaway jobs are called. */
const ourNames = /^(build-|trial-|unpack-)?[0-9a-z]{16}$/;

export interface IsolationNeeds {
  readonly dirs: IsolationDirs;
  /** Makes the throwaway containers, which need all that a current crun can do. */
  readonly runtime: Runtime;
  readonly runtimes: Runtimes;
  readonly cgroups: Cgroups;
  readonly facts: HostFacts;
  readonly disks: AppDisks;
  /** First host uid and gid of this daemon's block. */
  readonly idBase: number;
  readonly conmonProgram: string;
  /** Which cgroups the limits are set in. */
  readonly layout: "v1" | "v2";
  readonly sleep: (ms: number) => Promise<void>;
  readonly report: (fault: unknown, context: Record<string, unknown>) => void;
}

export class Containers implements Isolation {
  readonly #needs: IsolationNeeds;
  readonly #exits: ExitFiles;
  readonly #watched = new Set<string>();
  readonly #limits: LimitWatch;
  readonly #mains: MainProcesses;
  /** The supervisors' pids, as they were when it was last looked closely. */
  readonly #supervisors = new Map<string, number>();
  /** Containers that are on trial, and so no left-overs. */
  readonly #onTrial = new Set<string>();
  #stopWatching: (() => void) | null = null;

  constructor(needs: IsolationNeeds) {
    this.#needs = needs;
    this.#exits = new ExitFiles(exitsDir(needs.dirs));
    this.#mains = new MainProcesses(needs);
    this.#limits = new LimitWatch({ figures: needs.cgroups.figures, report: needs.report });
  }

  get runtimeNames(): readonly string[] {
    return this.#needs.runtimes.names;
  }

  get boundsApp(): boolean {
    return this.#needs.disks.kind.kind !== "none";
  }

  /** Makes the directories that all runs share. The containers' roots must be able to search the parents. */
  async open(): Promise<void> {
    const { dirs } = this.#needs;
    for (const dir of [dirs.stateDir, dirs.runDir, scratchesDir(dirs)])
      await mkdir(dir, { recursive: true, mode: 0o711 });
    for (const dir of [bundlesDir(dirs), runtimeDir(dirs), exitsDir(dirs), emptyDir(dirs)]) {
      await mkdir(dir, { recursive: true, mode: 0o700 });
    }
    await restoreNullDevice();
    await this.#needs.disks.open();
  }

  close(): void {
    this.#stopWatching?.();
    this.#stopWatching = null;
    this.#limits.close();
    this.#needs.disks.close();
  }

  async create(plan: RunPlan, signal: AbortSignal): Promise<{ pid: number }> {
    const features = await orAborted(this.#needs.runtimes.features(plan.runtime), signal);
    return await this.createIn({ features, isTrial: false }, plan);
  }

  /** As `create`, with the runtime taken for one that can do this and not more. */
  async createIn(way: RunWay, plan: RunPlan): Promise<{ pid: number }> {
    const { dirs, runtimes, conmonProgram, disks } = this.#needs;
    const runtime = runtimes.named(plan.runtime);
    const paths = runPaths(dirs, plan.runId);
    if (way.isTrial) this.#onTrial.add(plan.runId);
    await mkdir(paths.bundleDir, { mode: 0o700 });
    await runtimes.note(plan.runId, { name: plan.runtime, runtime });
    const { launch } = await writeRunBundle(plan, { needs: this.#needs, way });
    this.#watched.add(plan.runId);
    // Whatever came of it: a runtime that fails may have done its work before.
    const created = await createSupervised(plan.runId, {
      runtime,
      paths,
      logFile: plan.logFile,
      program: conmonProgram,
      launch,
    }).finally(() => restoreNullDevice());
    disks.settle(plan.runId);
    if (!way.isTrial) this.#limits.set(plan.runId, plan.limits, { isFresh: true });
    return created;
  }

  async judgeCommand({ runId, runtime, slot, env }: RunPlan, program: string): Promise<string | null> {
    const { runtimes, dirs, idBase } = this.#needs;
    const pid = await firstPid(runPaths(dirs, runId));
    // What a kernel of its own has for a root cannot be seen from here.
    if (pid === null || !sharesKernel(await runtimes.named(runtime).family())) return null;
    const place = { root: `/proc/${pid}/root`, cwd: "/app", path: env["PATH"] ?? "" };
    return await judgeCommand(program, { ...place, owner: idBase + 2 * slot + 1 });
  }

  /** The code that it ended with; null where its supervisor has left none. */
  async exitCode(runId: string): Promise<number | null> {
    return await this.#exits.read(runId);
  }

  async interrupt(runId: string): Promise<void> {
    const { program } = await this.#needs.runtimes.ofRun(runId);
    await endSupervisors(runId, { program, sleep: this.#needs.sleep });
  }

  /** Errors: CommandError, also where the runtime says that it has started the command and has not. */
  async start(runId: string): Promise<void> {
    const { runtimes, dirs, facts, sleep } = this.#needs;
    const runtime = await runtimes.ofRun(runId);
    await runtime.start(runId);
    const pid = await firstPid(runPaths(dirs, runId));
    if (pid === null) return;
    const way = { family: await runtime.family(), initPath: facts.initPath };
    for (let waited = 0; await isBeforeCommand(pid, way); waited += START_POLL_MS) {
      if (waited >= START_MS_MAX)
        throw new Error(
          "Cannot start the container: the runtime says that its command runs, and it does not",
        );
      await sleep(START_POLL_MS);
    }
    // Nobody waits for it: it is needed when the run has ended.
    if (sharesKernel(way.family)) void this.#mains.find(runId);
  }

  async signal(runId: string, signal: NodeJS.Signals): Promise<void> {
    const { runtimes, dirs, cgroups, report } = this.#needs;
    await (await runtimes.ofRun(runId)).signal(runId, signal).catch(async (fault: unknown) => {
      report(fault, { runId });
      const pid = await firstPid(runPaths(dirs, runId));
      if (pid !== null && (await cgroups.has(runId, pid))) process.kill(pid, signal);
    });
  }

  async signalAll(runId: string, signal: NodeJS.Signals): Promise<void> {
    const { runtimes, cgroups, sleep, report } = this.#needs;
    const runtime = await runtimes.ofRun(runId);
    if (!sharesKernel(await runtime.family())) {
      await runtime.signalAll(runId, signal).catch((fault: unknown) => report(fault, { runId }));
      return;
    }
    const mainPids = await this.#mains.pids(runId);
    const others = await signalOthers(runId, { signal, mainPids, cgroups });
    // In the background: whoever stops it has to see to its grace meanwhile.
    void untilGone(others, { runId, cgroups, sleep, isWanted: () => this.#watched.has(runId) })
      .then(async (areGone) => {
        if (areGone) await this.signal(runId, signal);
      })
      .catch((fault: unknown) => report(fault, { runId }));
  }

  async kill(runId: string): Promise<void> {
    await this.#needs.cgroups.kill(runId);
  }

  async applyLimits(runId: string, limits: Limits): Promise<void> {
    await this.#needs.cgroups.applyLimits(runId, limits);
    this.#limits.set(runId, limits);
  }

  /** What it uses now; without its network, which is another room's. */
  async figures(runId: string): Promise<Figures> {
    const { cgroups, disks } = this.#needs;
    const disk = await disks.figures(runId);
    return { ...cgroups.figures.read(runId), disk, network: null };
  }

  async look(runId: string): Promise<RunSight> {
    const code = await this.#exits.read(runId);
    if (code !== null) return await this.#exited(runId, code);
    const state = await this.#stateOf(runId);
    if (state.status === "absent") return { status: "absent" };
    const supervisor = await supervisorPid(runId, runPaths(this.#needs.dirs, runId));
    if (supervisor === null) {
      if (await this.#needs.cgroups.isEmpty(runId))
        return await this.#exited(runId, await this.#exits.read(runId));
      return { status: "unwatched", started: state.status !== "created" };
    }
    this.#watched.add(runId);
    await this.#needs.disks.found(runId, supervisor);
    if (state.status === "stopped") return await this.#exited(runId, await this.#awaitExitFile(runId));
    // A daemon before may have died in between.
    if (state.status === "running") void this.#mains.find(runId);
    return { status: state.status, pid: state.pid };
  }

  /** What the runtime says; where it cannot say, as when it is not there any more, what the host shows. */
  async #stateOf(runId: string): Promise<ContainerStatus> {
    const { runtimes, dirs, cgroups, facts, report } = this.#needs;
    const runtime = await runtimes.ofRun(runId);
    try {
      return await runtime.state(runId);
    } catch (fault) {
      report(fault, { runId });
      const pid = await firstPid(runPaths(dirs, runId));
      if (pid === null || (await cgroups.isEmpty(runId))) return { status: "stopped", pid: 0 };
      const way = { family: await runtime.family(), initPath: facts.initPath };
      return { status: (await isBeforeCommand(pid, way)) ? "created" : "running", pid };
    }
  }

  async destroy(runId: string): Promise<void> {
    const { dirs, cgroups, runtimes, disks } = this.#needs;
    const paths = runPaths(dirs, runId);
    // A supervisor that is still creating would make a container behind our back. One that has left an exit
    // file is about to end by itself.
    const runtime = await runtimes.ofRun(runId);
    if ((await this.#exits.read(runId)) === null)
      await endSupervisors(runId, { program: runtime.program, sleep: this.#needs.sleep });
    await cgroups.kill(runId);
    // With its processes gone, what is left of a container is files, which are removed below.
    await runtime.delete(runId).catch((fault: unknown) => this.#needs.report(fault, { runId }));
    await cgroups.kill(runId);
    await restoreNullDevice();
    await cgroups.remove(runId);
    this.#watched.delete(runId);
    this.#supervisors.delete(runId);
    this.#limits.forget(runId);
    this.#mains.forget(runId);
    this.#onTrial.delete(runId);
    disks.release(runId);
    await runtimes.forget(runId);
    await Promise.all([
      removeTree(paths.bundleDir),
      removeTree(paths.scratchDir),
      rm(paths.exitFile, { force: true }),
    ]);
  }

  watchExits(listener: (runId: string) => void): void {
    const stopFiles = this.#exits.watch(listener);
    const timer = setInterval(() => void this.#checkSupervisors(listener), WATCH_MS);
    timer.unref();
    this.#stopWatching = () => {
      stopFiles();
      clearInterval(timer);
    };
  }

  watchFullDisks(listener: (runId: string) => void): void {
    this.#needs.disks.watchFull(listener);
  }

  watchLimits(listener: (runId: string, warning: LimitWarning) => void): void {
    this.#limits.watch(listener);
  }

  async sweep(liveRunIds: readonly string[]): Promise<void> {
    const { dirs, cgroups, runtimes } = this.#needs;
    const live = new Set([...liveRunIds, ...this.#onTrial]);
    const found = new Set<string>([...(await cgroups.list()), ...(await runtimes.containers())]);
    for (const dir of [bundlesDir(dirs), scratchesDir(dirs), exitsDir(dirs)]) {
      for (const name of await readdir(dir)) found.add(name);
    }
    // Other names are not ours: the runtime's own begin with a dot, a file system's is lost+found.
    for (const name of found) if (ourNames.test(name) && !live.has(name)) await this.destroy(name);
  }

  async #exited(runId: string, code: number | null): Promise<RunSight> {
    const { cgroups, disks } = this.#needs;
    // The last look at the disk closes it.
    const figures = await this.figures(runId);
    const [oomKills, diskFull] = await Promise.all([cgroups.oomKills(runId), disks.wasFull(runId)]);
    const oomVictim = code === SIGKILL_CODE ? await this.#oomVictim(runId, oomKills) : "none";
    return { status: "exited", code, oom: oomKills > 0, oomVictim, diskFull, figures };
  }

  async #oomVictim(runId: string, kills: number): Promise<OomVictim> {
    if (kills === 0) return "none";
    // With a kernel of its own, what the host sees are no processes of the app, and the end of one is the end of all.
    if (!sharesKernel(await (await this.#needs.runtimes.ofRun(runId)).family())) return "main";
    const [mainPids, killed] = await Promise.all([this.#mains.pids(runId), killedForMemory()]);
    return judgeOomVictim({ kills, killsBefore: this.#limits.killsSeen(runId), mainPids, killed });
  }

  /** The container is empty and its supervisor lives: the exit file is on its way. */
  async #awaitExitFile(runId: string): Promise<number | null> {
    const paths = runPaths(this.#needs.dirs, runId);
    for (let waited = 0; waited < EXIT_FILE_MS_MAX; waited += EXIT_FILE_POLL_MS) {
      const code = await this.#exits.read(runId);
      if (code !== null) return code;
      if ((await supervisorPid(runId, paths)) === null) return await this.#exits.read(runId);
      await this.#needs.sleep(EXIT_FILE_POLL_MS);
    }
    return null;
  }

  async #checkSupervisors(listener: (runId: string) => void): Promise<void> {
    for (const runId of this.#watched) {
      if (isSupervisor(this.#supervisors.get(runId) ?? 0, runId)) continue;
      const pid = await supervisorPid(runId, runPaths(this.#needs.dirs, runId));
      if (pid === null) listener(runId);
      else if (this.#watched.has(runId)) this.#supervisors.set(runId, pid);
    }
  }
}

async function orAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  signal.throwIfAborted();
  const gone = Promise.withResolvers<never>();
  const leave = () => gone.reject(signal.reason);
  signal.addEventListener("abort", leave, { once: true });
  try {
    return await Promise.race([promise, gone.promise]);
  } finally {
    signal.removeEventListener("abort", leave);
  }
}
