import type { BuildJob, BuildNeeds, JobEnd, TrialJob } from "../../src/templates/needs.ts";
import { defaultBuildLimits } from "../../src/templates/needs.ts";
import type { TemplatesOptions } from "../../src/templates/templates.ts";
import { ManualClock } from "../manual-clock.ts";

/** What a tree that procs can stand on looks like to the script that looks it over. */
export const goodReport = [
  "S 1000 10",
  "E l bin usr/bin",
  "E d dev",
  "E d etc",
  "E d proc",
  "E d usr",
  ...["app", "run", "sys", "tmp"].map((name) => `M none ${name}`),
  "M dir dev",
  "M dir proc",
  "M dir etc",
  "M file etc/hosts",
  "M file etc/resolv.conf",
  "A 7f454c4602010100000000000000000003003e00",
  ...["shell", "loader", "certificates", "timezones", "user", "owners"].map((name) => `C ${name} 1`),
];

/** A sandbox that runs nothing: what a job prints, and how it ends, is told beforehand. */
export class FakeSandbox {
  readonly jobsMax = 2;
  readonly jobs: (BuildJob | TrialJob)[] = [];
  /** Asked for each job in turn; a job that it gives nothing for ends well and prints a good report. */
  answer: (job: BuildJob | TrialJob) => Partial<Answer> | Promise<Partial<Answer>> = () => ({});

  async run(job: BuildJob): Promise<JobEnd> {
    job.signal.throwIfAborted();
    this.jobs.push(job);
    // A command reads its input to the end.
    if (job.input) for await (const _ of job.input);
    const { code = 0, stderr = "", lines = goodReport, strays = [] } = await this.answer(job);
    for (const line of lines) job.onLine(line);
    return { code, stderr, strays };
  }

  async try(job: TrialJob): Promise<JobEnd> {
    job.signal.throwIfAborted();
    this.jobs.push(job);
    const { code = 0, stderr = "" } = await this.answer(job);
    return { code, stderr };
  }
}

interface Answer extends JobEnd {
  readonly lines: readonly string[];
}

export function fakeBuildNeeds(
  sandbox: BuildNeeds["sandbox"] = new FakeSandbox(),
): Omit<TemplatesOptions, "dir"> {
  let jobs = 0;
  return {
    sandbox,
    randomId: () => {
      jobs += 1;
      return `job${String(jobs).padStart(13, "0")}`;
    },
    clock: new ManualClock("2026-01-01T00:00:00Z"),
    limits: defaultBuildLimits,
    ownDirs: [],
    proxyEnv: {},
    fetch: async () => new Response("", { status: 404 }),
    uses: () => [],
    report: (fault) => {
      throw fault;
    },
  };
}
