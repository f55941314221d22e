import { mkdir, writeFile } from "node:fs/promises";
import type { RunPlan } from "../procs/needs.ts";
import { appMounts, fillApp } from "./app-files.ts";
import { makeBareRoot } from "./bare-root.ts";
import { buildBundle, type Confinement } from "./bundle.ts";
import type { AppPlace } from "./disks/app-disks.ts";
import type { RuntimeFeatures } from "./features.ts";
import type { IsolationNeeds } from "./isolation.ts";
import type { OciConfig } from "./oci.ts";
import { sandboxRules } from "./rules/rules.ts";
import { emptyDir, runPaths } from "./run-paths.ts";

/** In which way a run is made. */
export interface RunWay {
  readonly features: RuntimeFeatures;
  /** A trial has no filter but the compiled one, so that it can tell whether that is used. */
  readonly isTrial: boolean;
}

/** Writes all that the runtime is told of a run, and makes what its mounts need. Errors: as `AppDisks.take`. */
export async function writeRunBundle(
  plan: RunPlan,
  { needs, way: { features, isTrial } }: { needs: IsolationNeeds; way: RunWay },
): Promise<AppPlace> {
  const { dirs, facts, disks } = needs;
  const paths = runPaths(dirs, plan.runId);
  const hostId = needs.idBase + 2 * plan.slot;
  await mkdir(paths.scratchDir, { mode: 0o711 });
  const { appBytes } = plan.limits;
  const place = await disks.take({ runId: plan.runId, hostId, appBytes, plainDir: paths.scratchDir });
  const { skeletonDir } = plan.template;
  const app = { ...{ place, paths, skeletonDir }, imageDir: plan.imageDir ?? emptyDir(dirs) };
  await Promise.all([
    writeFile(paths.hostsFile, plan.hosts, { mode: 0o644 }),
    writeFile(paths.resolvFile, plan.resolvConf, { mode: 0o644 }),
    fillApp(app, { features, owner: hostId + 1 }),
  ]);
  const config = buildBundle(
    {
      ...confinementOf(plan, needs),
      hostId,
      extraMounts: appMounts(app, features),
      host: { ...facts, features },
    },
    sandboxRules,
  );
  const whole = features.makesMountpoints
    ? config
    : { ...config, root: { ...config.root, path: paths.rootDir } };
  if (!features.makesMountpoints) await makeBareRoot(paths.rootDir, { skeletonDir, mounts: config.mounts });
  const written = isTrial ? withCompiledFilterOnly(whole) : whole;
  await writeFile(paths.configFile, JSON.stringify(written), { mode: 0o600 });
  return place;
}

function confinementOf(
  plan: RunPlan,
  { cgroups }: IsolationNeeds,
): Omit<Confinement, "hostId" | "extraMounts" | "host"> {
  return {
    containerId: plan.runId,
    hostname: plan.hostname,
    argv: plan.argv,
    env: plan.env,
    cwd: "/app",
    limits: plan.limits,
    template: plan.template,
    cgroupsPath: cgroups.pathOf(plan.runId),
  };
}

function withCompiledFilterOnly(config: OciConfig): OciConfig {
  const { seccomp: _, ...linux } = config.linux;
  return config.annotations === undefined ? config : { ...config, linux };
}
