import type { Readable } from "node:stream";
import type { Clock, TemplateFiles } from "../procs/needs.ts";

/** What the templates ask of others. */

/** A command in a throwaway container, whose root is root over the tree being built and nobody on the host. */
export interface BuildJob {
  /** Unique among the jobs of a time; safe as a container id. */
  readonly jobId: string;
  readonly argv: readonly string[];
  /** What the command stands on: `tools`, those of the host, read-only; or the tree itself, writable. */
  readonly root: "tools" | TemplateFiles;
  readonly binds?: readonly {
    readonly source: string;
    readonly destination: string;
    readonly writable: boolean;
  }[];
  readonly network: "host" | "none";
  readonly env?: Readonly<Record<string, string>>;
  readonly input?: Readable;
  /** Called for each line of its standard output, in order. */
  readonly onLine: (line: string) => void;
  /** Ends it at once. */
  readonly signal: AbortSignal;
}

export interface TrialJob extends Pick<BuildJob, "jobId" | "argv" | "onLine" | "signal"> {
  readonly template: TemplateFiles;
}

export interface JobEnd {
  /** Null where it was killed. */
  readonly code: number | null;
  /** At least the first 4 KiB that it said. */
  readonly stderr: string;
  /** What it made at the top of its root, beside what was there: it is lost with the job. */
  readonly strays?: readonly string[];
}

export interface BuildSandbox {
  /** How many jobs there can be at once. */
  readonly jobsMax: number;
  /** Runs the job to its end. Whatever happens, nothing is left of it but what it wrote to the tree. */
  run(job: BuildJob): Promise<JobEnd>;
  /** Starts a container on the template as a proc is started. */
  try(job: TrialJob): Promise<JobEnd>;
}

/** A proc that has not ended, and what it stands on. */
export interface TemplateUse {
  readonly procId: string;
  readonly template: string;
  /** The version that its run sees; null where it has no run. */
  readonly version: string | null;
}

export interface BuildLimits {
  /** How long the sender of an archive may send nothing. */
  readonly archiveSilentMsMax: number;
  /** Bytes of an archive, and of what comes out of it. */
  readonly archiveBytesMax: number;
  readonly treeBytesMax: number;
  readonly filesMax: number;
  readonly buildMsMax: number;
  /** Of that, for looking over what was made and trying it. */
  readonly finishMsMax: number;
}

export const defaultBuildLimits: BuildLimits = {
  archiveBytesMax: 8 * 1024 ** 3,
  archiveSilentMsMax: 30_000,
  treeBytesMax: 8 * 1024 ** 3,
  filesMax: 1_000_000,
  buildMsMax: 3_600_000,
  finishMsMax: 600_000,
};

export interface BuildNeeds {
  readonly sandbox: BuildSandbox;
  /** Fit for a job: 16 letters and digits, new each time. */
  readonly randomId: () => string;
  readonly clock: Clock;
  readonly limits: BuildLimits;
  /** The daemon's own directories, which no template may show. */
  readonly ownDirs: readonly string[];
  /** Variables by which the host's programs find a proxy. */
  readonly proxyEnv: Readonly<Record<string, string>>;
  readonly fetch: typeof fetch;
}
