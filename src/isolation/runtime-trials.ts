import { chmod, chown, mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { TemplateFiles } from "../procs/needs.ts";
import type { Containers } from "./isolation.ts";
import { faultsOf } from "./known-faults.ts";
import { type IsolationDirs, runPaths } from "./run-paths.ts";
import type { Runtime } from "./runtime.ts";
import { tryRuntime } from "./trial.ts";
import type { TrialOutcome } from "./trial-notes.ts";

const IMAGE_OWNER = 1000;

export interface RuntimeTrialsNeeds {
  readonly dirs: IsolationDirs;
  readonly containers: Containers;
  readonly template: () => TemplateFiles;
  readonly hasFilter: boolean;
  /** Slots whose ids the trials use, one after another; no run may have one of them. */
  readonly firstSlot: number;
  readonly slotCount: number;
  readonly randomId: () => string;
  readonly sleep: (ms: number) => Promise<void>;
  readonly elapsedMs: () => number;
}

/** Finds out what a runtime can do, by a run of it. */
export class RuntimeTrials {
  readonly #needs: RuntimeTrialsNeeds;
  #count = 0;

  constructor(needs: RuntimeTrialsNeeds) {
    this.#needs = needs;
  }

  /** What goes wrong with the runtime is what is found. Errors: the host's, where there can be no trial at all. */
  async findOut({ name, runtime }: { name: string; runtime: Runtime }): Promise<TrialOutcome> {
    const { containers, template, dirs, firstSlot, slotCount, randomId, sleep, elapsedMs, hasFilter } =
      this.#needs;
    const slot = firstSlot + (this.#count++ % slotCount);
    const runId = `trial-${randomId()}`;
    const version = await runtime.version().catch(() => null);
    const { features, problem, isSure } = await tryRuntime({
      ...{
        slot,
        runId,
        sleep,
        elapsedMs,
        hasFilter,
        timeoutMs: runtime.timeoutMs,
        template: template(),
        imageDir: await makeImage(dirs),
      },
      logFile: join(runPaths(dirs, runId).bundleDir, "log"),
      create: (plan, wanted) =>
        containers.createIn({ features: wanted, isTrial: true }, { ...plan, runtime: name }),
      start: (id) => containers.start(id),
      exitCode: (id) => containers.exitCode(id),
      destroy: (id) => containers.destroy(id),
    });
    const findings = {
      version: version?.version ?? "unknown",
      usable: problem === null,
      features,
      problems: [...(problem === null ? [] : [problem]), ...(version === null ? [] : faultsOf(version))],
    };
    return { findings, isSure };
  }
}

/** What an image looks like, with a file that only the app may read. On the disk, where owners can be mapped. */
async function makeImage({ stateDir }: IsolationDirs): Promise<string> {
  const dir = join(stateDir, "trial");
  await mkdir(dir, { recursive: true, mode: 0o755 });
  const file = join(dir, "closed");
  await writeFile(file, "closed\n");
  await chmod(file, 0o600);
  await chown(file, IMAGE_OWNER, IMAGE_OWNER);
  return dir;
}
