import { chown, cp, mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { SharkuError } from "../contract/errors.ts";
import { defaultLimits } from "../contract/proc.ts";
import { FifoPool } from "../lib/fifo-pool.ts";
import type { TemplateFiles } from "../procs/needs.ts";
import { buildBundle, type Confinement, type Rule, readOnlyBind } from "./bundle.ts";
import { type ForegroundEnd, runForeground } from "./foreground.ts";
import type { Containers, IsolationNeeds } from "./isolation.ts";
import { restoreNullDevice } from "./null-device.ts";
import type { OciMount } from "./oci.ts";
import { BUILD_IDS, buildRules } from "./rules/build.ts";
import { sandboxRules } from "./rules/rules.ts";
import { runPaths } from "./run-paths.ts";

/**
 * Throwaway containers in which templates are built and tried. Their root has ids of its own on the host; what it
 * writes to the tree is stored under the ids that it has inside. Such a container ends with its job; what a killed
 * daemon leaves of one, the next daemon's sweep finds by its name.
 */
export interface BuildJob {
  /** Unique among the jobs of a time; safe as a container id. */
  readonly jobId: string;
  readonly argv: readonly string[];
  /**
   * What the command stands on: `tools`, those of the host, read-only; or the tree itself, writable. Of the latter only
   * what is in its directories stays: what is made beside them at the top goes with the job.
   */
  readonly root: "tools" | TemplateFiles;
  /** What else of the host is seen. */
  readonly binds?: readonly {
    readonly source: string;
    readonly destination: string;
    readonly writable: boolean;
  }[];
  /** Whether the host's network is reached, or none. */
  readonly network: "host" | "none";
  readonly env?: Readonly<Record<string, string>>;
  readonly input?: Readable;
  readonly onLine: (line: string) => void;
  readonly signal: AbortSignal;
}

/** A template to be tried: a container as a proc has one, with an empty /app and no network. */
export interface TrialJob {
  readonly jobId: string;
  readonly argv: readonly string[];
  readonly template: TemplateFiles;
  readonly onLine: (line: string) => void;
  readonly signal: AbortSignal;
}

export interface BuildEnd extends ForegroundEnd {
  /** What it made at the top of its root. */
  readonly strays?: readonly string[];
}

/** So many jobs have ids of their own. */
const BUILDS_MAX = 2;

/** Compilers and databases of packages want more than an app is given. */
const BUILD_LIMITS = {
  ...defaultLimits,
  memoryBytes: 2 * 1024 ** 3,
  tmpBytes: 1024 ** 3,
  pids: 1024,
  openFiles: 4096,
};

const ENVIRONMENT = { PATH: "/usr/sbin:/usr/bin:/sbin:/bin", LANG: "C.UTF-8", HOME: "/root" };

export interface BuildNeeds extends IsolationNeeds {
  readonly containers: Containers;
  /** The template whose tools build the others. */
  readonly tools: () => TemplateFiles;
  /** First host id of this daemon's blocks for builds, each of BUILD_IDS. */
  readonly buildIdBase: number;
  /** First of BUILDS_MAX slots whose ids the trials use; no run may have one of them. */
  readonly firstSlot: number;
}

type Task = Pick<BuildJob, "jobId" | "argv" | "input" | "onLine" | "signal"> &
  Pick<Confinement, "hostname" | "env" | "limits" | "template" | "hostId" | "cwd" | "extraMounts">;

export class BuildSandbox {
  static readonly jobsMax = BUILDS_MAX;
  readonly #needs: BuildNeeds;
  readonly #blocks = new FifoPool(0, BUILDS_MAX - 1);

  constructor(needs: BuildNeeds) {
    this.#needs = needs;
  }

  get jobsMax(): number {
    return BuildSandbox.jobsMax;
  }

  /**
   * Runs the job to its end, or kills it when the signal aborts. Whatever happens, nothing of it is left.
   * Errors: `no-user-namespaces`, before anything is done.
   */
  run(job: BuildJob): Promise<BuildEnd> {
    return this.#withBlock(job, async (block) => {
      const hostId = this.#needs.buildIdBase + block * BUILD_IDS;
      await mkdir(runPaths(this.#needs.dirs, job.jobId).scratchDir, { mode: 0o711 });
      if (job.root === "tools") return await this.#runOn(this.#needs.tools(), { job, hostId });
      const skeletonDir = await this.#writableRoot(job.jobId, { root: job.root, hostId });
      const end = await this.#runOn({ ...job.root, skeletonDir }, { job, hostId });
      const before = new Set(await readdir(job.root.skeletonDir));
      return { ...end, strays: (await readdir(skeletonDir)).filter((name) => !before.has(name)) };
    });
  }

  /** Starts a container on the template as a proc would be started. Errors: as `run`. */
  try(job: TrialJob): Promise<ForegroundEnd> {
    return this.#withBlock(job, async (block) => {
      const { dirs, idBase, firstSlot } = this.#needs;
      await mkdir(runPaths(dirs, job.jobId).scratchDir, { mode: 0o711 });
      const task = {
        ...job,
        hostname: "trial",
        env: ENVIRONMENT,
        limits: defaultLimits,
        hostId: idBase + 2 * (firstSlot + block),
        cwd: "/tmp",
        extraMounts: await this.#nameMounts(job.jobId),
      };
      return await this.#runContainer(task, sandboxRules);
    });
  }

  async #runOn(
    root: TemplateFiles,
    { job, hostId }: { readonly job: BuildJob; readonly hostId: number },
  ): Promise<ForegroundEnd> {
    const isTree = job.root !== "tools";
    const mounts = [
      ...(isTree ? root.binds.map((bind) => writableBind(bind)) : []),
      ...(job.binds ?? []).map((bind) =>
        bind.writable ? writableBind(bind) : readOnlyBind(bind.source, bind.destination),
      ),
      ...(job.network === "host" ? await this.#nameMounts(job.jobId) : []),
    ];
    const task = {
      ...job,
      hostname: "build",
      env: { ...ENVIRONMENT, ...job.env },
      limits: BUILD_LIMITS,
      template: isTree ? { ...root, binds: [] } : root,
      hostId,
      cwd: "/",
      extraMounts: mounts,
    };
    return await this.#runContainer(task, buildRules({ network: job.network, writableRoot: isTree }));
  }

  /** A copy of the skeleton for its own root: package managers try whether they may write to the top. */
  async #writableRoot(
    jobId: string,
    { root, hostId }: { readonly root: TemplateFiles; readonly hostId: number },
  ): Promise<string> {
    const dir = join(runPaths(this.#needs.dirs, jobId).scratchDir, "root");
    await cp(root.skeletonDir, dir, { recursive: true, verbatimSymlinks: true });
    await chown(dir, hostId, hostId);
    return dir;
  }

  async #withBlock(
    { jobId, signal }: { readonly jobId: string; readonly signal: AbortSignal },
    task: (block: number) => Promise<ForegroundEnd>,
  ): Promise<ForegroundEnd> {
    signal.throwIfAborted();
    if (!this.#needs.facts.userNamespaces)
      throw new SharkuError(
        "no-user-namespaces",
        "Cannot build a template: this host has no user namespaces, and a build's root would be the host's own",
      );
    const block = this.#blocks.acquire();
    if (block === null) throw new Error("Cannot build: more jobs at once than there are blocks of ids");
    try {
      return await task(block);
    } finally {
      await this.#needs.containers.destroy(jobId);
      await restoreNullDevice();
      this.#blocks.release(block);
    }
  }

  async #runContainer(task: Task, rules: readonly Rule[]): Promise<ForegroundEnd> {
    const { dirs, facts, cgroups } = this.#needs;
    const { jobId, input = null, onLine, signal, ...confinement } = task;
    const { bundleDir, configFile } = runPaths(dirs, jobId);
    await mkdir(bundleDir, { mode: 0o700 });
    const config = buildBundle(
      { ...confinement, containerId: jobId, cgroupsPath: cgroups.pathOf(jobId), host: facts },
      rules,
    );
    await writeFile(configFile, JSON.stringify(config), { mode: 0o600 });
    return await runForeground({ jobId, bundleDir, input, onLine, signal }, this.#needs);
  }

  /** The host's own names, as a copy: its file may be a link into what is not seen inside. */
  async #nameMounts(jobId: string): Promise<OciMount[]> {
    const { hostsFile, resolvFile } = runPaths(this.#needs.dirs, jobId);
    await writeFile(hostsFile, await readFile("/etc/hosts").catch(() => ""), { mode: 0o644 });
    await writeFile(resolvFile, await readFile("/etc/resolv.conf").catch(() => ""), { mode: 0o644 });
    return [readOnlyBind(hostsFile, "/etc/hosts"), readOnlyBind(resolvFile, "/etc/resolv.conf")];
  }
}

/** The r… forms: crun 1.8 forgets the plain ones on a writable bind in a user namespace. */
function writableBind({ source, destination }: { source: string; destination: string }): OciMount {
  const options = ["bind", "idmap", "rw", "rnosuid", "rnodev", "private"];
  return { destination, type: "bind", source, options };
}
