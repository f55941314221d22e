import { join } from "node:path";
import { BuildSandbox } from "../isolation/build-sandbox.ts";
import type { Containers, IsolationNeeds } from "../isolation/isolation.ts";
import { BUILD_IDS } from "../isolation/rules/build.ts";
import { systemClock } from "../lib/clock.ts";
import { randomName } from "../lib/random.ts";
import type { TemplateFiles } from "../procs/needs.ts";
import type { Procs } from "../procs/procs.ts";
import { defaultRegistryFile } from "../store/registry.ts";
import { defaultBuildLimits } from "../templates/needs.ts";
import { openTemplates, type TemplateRoom } from "../templates/templates.ts";
import type { DaemonConfig } from "./config.ts";

/**
 * Host ids of the builds of the first daemon, above all that procs have; each daemon has a block for each build that it
 * does at once.
 */
const BUILD_ID_BASE = 0x21000000;

/** Slots of the containers in which templates are tried. */
const BUILD_SLOTS_FIRST = 5010;

const proxyNames = ["http_proxy", "https_proxy", "ftp_proxy", "no_proxy"];

export interface TemplateParts {
  readonly config: DaemonConfig;
  readonly index: number;
  readonly isolation: { readonly needs: IsolationNeeds; readonly containers: Containers };
  /** The two need each other: templates ask who stands on one, procs look templates up. */
  readonly late: { readonly procs?: Procs };
  readonly report: (fault: unknown, context: Record<string, unknown>) => void;
}

/** Joins the templates with the sandbox that builds them. */
export async function openTemplateRoom(parts: TemplateParts): Promise<TemplateRoom> {
  const { config, index, isolation, report } = parts;
  const late: { room?: TemplateRoom } = {};
  const sandbox = new BuildSandbox({
    ...isolation.needs,
    containers: isolation.containers,
    tools: () => hostTemplate(late.room?.find("host") ?? null),
    buildIdBase: BUILD_ID_BASE + index * BuildSandbox.jobsMax * BUILD_IDS,
    firstSlot: BUILD_SLOTS_FIRST,
  });
  const room = await openTemplates({
    ...{ sandbox, report, clock: systemClock, fetch, limits: defaultBuildLimits },
    dir: join(config.stateDir, "templates"),
    sizesFile: join(config.stateDir, "sizes", "templates.json"),
    randomId: randomName,
    // The socket may lie elsewhere: who reaches it may call. The registry is all daemons'.
    ownDirs: [config.stateDir, config.runDir, config.socket, defaultRegistryFile(process.env)],
    proxyEnv: proxyOf(process.env),
    // No call is taken before the procs are found.
    uses: () => parts.late.procs?.templateUses() ?? [],
  });
  late.room = room;
  return room;
}

export function hostTemplate(files: TemplateFiles | null): TemplateFiles {
  if (files === null) throw new Error("Cannot find the host template, which every daemon has");
  return files;
}

function proxyOf(env: NodeJS.ProcessEnv): Record<string, string> {
  return Object.fromEntries(
    proxyNames.flatMap((name) => {
      const value = env[name] ?? env[name.toUpperCase()];
      return value === undefined ? [] : [[name, value]];
    }),
  );
}
