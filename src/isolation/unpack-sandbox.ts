import { spawn } from "node:child_process";
import { mkdir, writeFile } from "node:fs/promises";
import type { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { defaultLimits } from "../contract/proc.ts";
import { BoundedLines } from "../lib/bounded-lines.ts";
import { FifoPool } from "../lib/fifo-pool.ts";
import { Lane } from "../lib/lane.ts";
import type { TemplateFiles } from "../procs/needs.ts";
import { buildBundle } from "./bundle.ts";
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

/** How many archives are taken apart at once; the others wait. */
const JOBS_MAX = 2;

/** Of the program's error words, this much is kept. */
const STDERR_BYTES_MAX = 8 * 1024;

/** A member's name may be as long as the archive says; of its line, this much is passed on. */
const LINE_CHARS_MAX = 16_384;

const KILL_POLL_MS = 20;

const UNPACK_MEMORY_BYTES = 512 * 1024 * 1024;

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

  /** Runs the job to its end, or kills it when the signal aborts. Whatever happens, nothing of it is left. */
  unpack(job: UnpackJob): Promise<{ code: number | null; stderr: string }> {
    const lane = this.#lanes.reduce((best, other) => (other.length < best.length ? other : best));
    return lane.run(() => this.#run(job));
  }

  async #run(job: UnpackJob): Promise<{ code: number | null; stderr: string }> {
    job.signal.throwIfAborted();
    const slot = this.#slots.acquire();
    if (slot === null) throw new Error("Cannot unpack: more jobs at once than there are slots");
    try {
      const bundleDir = await this.#writeBundle(job, slot);
      return await this.#runContainer(job, bundleDir);
    } finally {
      await this.#needs.containers.destroy(job.jobId);
      await restoreNullDevice();
      this.#slots.release(slot);
    }
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
        hostId: idBase + 2 * slot,
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

  async #runContainer(job: UnpackJob, bundleDir: string): Promise<{ code: number | null; stderr: string }> {
    const [program = "", ...rest] = this.#needs.runtime.runArgv(job.jobId, bundleDir);
    const child = spawn(program, rest, { stdio: ["pipe", "pipe", "pipe"] });
    const stderr: string[] = [];
    const ended = new Promise<number | null>((resolve, reject) => {
      child.once("error", reject);
      child.once("close", (code) => resolve(code));
    });
    ended.catch(() => undefined);
    // A child that could not be spawned, for want of descriptors say, has no pipes at all.
    if (!child.stdout) return { code: await ended, stderr: "" };
    child.stdout.on("data", new BoundedLines(LINE_CHARS_MAX, job.onLine).add);
    child.stderr.on("data", (chunk: Buffer) => {
      if (stderr.join("").length < STDERR_BYTES_MAX) stderr.push(chunk.toString("utf8"));
    });
    let over = false;
    const abort = () => void this.#killUntil(() => over, job.jobId);
    job.signal.addEventListener("abort", abort, { once: true });
    if (job.signal.aborted) abort();
    // A program that has seen enough closes its input; its exit code tells whether that was well.
    const fed = pipeline(job.input, child.stdin).catch(() => undefined);
    try {
      const code = await ended;
      await fed;
      return { code, stderr: stderr.join("").slice(0, STDERR_BYTES_MAX) };
    } finally {
      over = true;
      job.signal.removeEventListener("abort", abort);
      job.input.destroy();
    }
  }

  /** The container may still be in the making when its job is called off, so one kill is not enough. */
  async #killUntil(isOver: () => boolean, jobId: string): Promise<void> {
    while (!isOver()) {
      await this.#needs.cgroups.kill(jobId).catch((fault) => this.#needs.report(fault, { jobId }));
      await this.#needs.sleep(KILL_POLL_MS);
    }
  }
}
