import { mkdir, writeFile } from "node:fs/promises";
import type { Readable } from "node:stream";
import { defaultLimits } from "../contract/proc.ts";
import { FifoPool } from "../lib/fifo-pool.ts";
import { Lane } from "../lib/lane.ts";
import type { TemplateFiles } from "../procs/needs.ts";
import { buildBundle } from "./bundle.ts";
import { runForeground } from "./foreground.ts";
import type { Containers, IsolationNeeds } from "./isolation.ts";
import { restoreNullDevice } from "./null-device.ts";
import { sandboxRules } from "./rules/rules.ts";
import { runPaths } from "./run-paths.ts";

/**
 * A throwaway container that takes an archive apart: the same sandbox as a proc's, without a network, with one
 * directory of the host to write to. It ends with its job or with the daemon: its input breaks off then, and the
 * next daemon's sweep finds what is left of it by its name.
 */
export interface UnpackJob {
  readonly jobId: string;
  /** Bound at /app; what is written there belongs to 1000:1000 on the host. */
  readonly targetDir: string;
  readonly argv: readonly string[];
  readonly input: Readable;
  readonly onLine: (line: string) => void;
  readonly signal: AbortSignal;
}

export interface UnpackEnd {
  /** Null where it was killed. */
  readonly code: number | null;
  readonly stderr: string;
  readonly cleared: Promise<void>;
}

/** How many archives are taken apart at once; the others wait. */
const JOBS_MAX = 2;

const UNPACK_MEMORY_BYTES = 512 * 1024 * 1024;

/** Who owns an image's files. */
const APP_ID = 1000;

export interface UnpackNeeds extends IsolationNeeds {
  readonly containers: Containers;
  readonly template: () => TemplateFiles;
  /** First of the slots whose ids the jobs use; no run may have one of them. */
  readonly firstSlot: number;
}

export class UnpackSandbox {
  readonly #needs: UnpackNeeds;
  readonly #slots: FifoPool;
  readonly #lanes: readonly Lane[] = Array.from({ length: JOBS_MAX }, () => new Lane());

  constructor(needs: UnpackNeeds) {
    this.#needs = needs;
    this.#slots = new FifoPool(needs.firstSlot, needs.firstSlot + JOBS_MAX - 1);
  }

  /**
   * Runs the job to its end, or kills it when the signal aborts. Whatever happens, nothing of it is left: no process
   * when it answers, and no file when what it answers with is `cleared`.
   */
  unpack(job: UnpackJob): Promise<UnpackEnd> {
    const lane = this.#lanes.reduce((best, other) => (other.length < best.length ? other : best));
    return new Promise((resolve, reject) => {
      // The next of the lane waits until the slot is free.
      lane.run(() => this.#run(job, resolve)).catch(reject);
    });
  }

  async #run(job: UnpackJob, onEnd: (end: UnpackEnd) => void): Promise<void> {
    job.signal.throwIfAborted();
    const slot = this.#slots.acquire();
    if (slot === null) throw new Error("Cannot unpack: more jobs at once than there are slots");
    let cleared: Promise<void> | null = null;
    try {
      const bundleDir = await this.#writeBundle(job, slot);
      const end = await runForeground({ ...job, bundleDir }, this.#needs);
      await this.#needs.cgroups.kill(job.jobId);
      cleared = this.#clear(job.jobId);
      onEnd({ ...end, cleared });
    } finally {
      await (cleared ?? this.#clear(job.jobId));
      this.#slots.release(slot);
    }
  }

  async #clear(jobId: string): Promise<void> {
    await this.#needs.containers.destroy(jobId);
    await restoreNullDevice();
  }

  async #writeBundle(job: UnpackJob, slot: number): Promise<string> {
    const { dirs, facts, cgroups, idBase, template } = this.#needs;
    const paths = runPaths(dirs, job.jobId);
    await mkdir(paths.bundleDir, { mode: 0o700 });
    const config = buildBundle(
      {
        containerId: job.jobId,
        hostname: "unpack",
        argv: job.argv,
        env: { PATH: "/usr/bin:/bin", LANG: "C.UTF-8" },
        cwd: "/tmp",
        limits: { ...defaultLimits, memoryBytes: UNPACK_MEMORY_BYTES, pids: 32 },
        template: template(),
        // Whatever the ids are called inside, what is unpacked is to be 1000's on the disk.
        hostId: facts.userNamespaces ? idBase + 2 * slot : APP_ID - 1,
        cgroupsPath: cgroups.pathOf(job.jobId),
        extraMounts: [
          {
            destination: "/app",
            type: "bind",
            source: job.targetDir,
            // The r… forms: crun 1.8 forgets the plain ones on a writable bind in a user namespace.
            options: ["bind", "idmap", "rw", "rnosuid", "rnodev", "rnoexec", "private"],
          },
        ],
        host: facts,
      },
      sandboxRules,
    );
    await writeFile(paths.configFile, JSON.stringify(config), { mode: 0o600 });
    return paths.bundleDir;
  }
}
