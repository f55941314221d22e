import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { FastifyBaseLogger } from "fastify";
import type { ApiNeeds } from "../api/needs.ts";
import type { Info } from "../contract/host.ts";
import { defaultLimits } from "../contract/proc.ts";
import { judgeCallbackUrl } from "../events/callback-address.ts";
import { Events } from "../events/events.ts";
import { detectCgroups, gatherCgroups } from "../host/gather-cgroups.ts";
import { openImages } from "../images/images.ts";
import { defaultImageLimits } from "../images/needs.ts";
import { Cgroups } from "../isolation/cgroup.ts";
import { AppDisks } from "../isolation/disks/app-disks.ts";
import { gatherHostFacts } from "../isolation/host-facts.ts";
import { Containers, type IsolationNeeds } from "../isolation/isolation.ts";
import { disksDir, runtimeDir } from "../isolation/run-paths.ts";
import { Runtime } from "../isolation/runtime.ts";
import { UnpackSandbox } from "../isolation/unpack-sandbox.ts";
import { pause, systemClock } from "../lib/clock.ts";
import { randomFraction, randomName } from "../lib/random.ts";
import { openLogs } from "../logs/logs.ts";
import { BridgeNetwork } from "../network/network.ts";
import type { TemplateFiles } from "../procs/needs.ts";
import { Procs } from "../procs/procs.ts";
import type { Store } from "../store/store.ts";
import { openTemplates } from "../templates/templates.ts";
import type { DaemonConfig } from "./config.ts";
import { version } from "./version.ts";

/** Slots from this one on are for containers that are no runs. */
const JOB_SLOTS_FIRST = 5000;

/** Host ids of the first daemon of this host; each has a block of its own, by its index in the registry. */
const ID_BASE = 0x20000000;
const IDS_PER_DAEMON = 16384;

export interface Parts {
  readonly config: DaemonConfig;
  readonly store: Store;
  readonly instance: { readonly id: string; readonly index: number };
  readonly log: FastifyBaseLogger;
  readonly health: () => "ok" | "starting" | "stopping";
}

/** The rooms, joined; what the daemon's own life needs of them. */
export interface Wired {
  readonly api: ApiNeeds;
  readonly procs: Procs;
  /** Finds what was there before and begins to deliver callbacks. */
  open(): Promise<void>;
  /** Lets what is under way end. The procs run on; where there is none, the host is left as it was found. */
  close(): Promise<void>;
}

/** How long the end of the daemon waits for what is under way, in milliseconds. */
const CLOSE_MS_MAX = 10_000;

/** The only place that builds the rooms and joins them. */
export async function wire(parts: Parts): Promise<Wired> {
  const { config, store, instance, log, health } = parts;
  const report = (fault: unknown, context: Record<string, unknown>) =>
    log.warn({ err: fault, ...context }, "a fault");
  const clock = systemClock;
  const isolation = await openIsolation(parts, report);
  const network = new BridgeNetwork({
    instance: instance.id,
    index: instance.index,
    portRange: config.portRange,
  });
  const templates = await openTemplates({ dir: join(config.stateDir, "templates") });
  const logs = await openLogs({ dir: join(config.stateDir, "logs"), clock });
  const events = new Events({
    ...{ store, clock, randomFraction, report },
    ownListeners: [{ address: config.listen.host, port: config.listen.port }],
  });
  // The two need each other: images ask whether a proc uses one, procs look images up.
  const late: { procs?: Procs } = {};
  const images = await openImageRoom(parts, {
    isolation,
    template: () => templates.find("host"),
    inUse: (digest) => late.procs?.usesImage(digest) ?? true,
  });
  const procs = new Procs({
    ...{ store, network, images, templates, logs, clock, report },
    isolation: isolation.containers,
    journal: events,
    randomId: randomName,
    bootId: (await readFile("/proc/sys/kernel/random/boot_id", "utf8")).trim(),
    hypervisor: config.name,
    judgeCallback: (url) => judgeCallbackUrl(url)[0]?.detail ?? null,
  });
  late.procs = procs;
  const life = { hasLooked: false };
  const facts = await infoFacts(parts, isolation.needs);
  return {
    api: {
      procs,
      images,
      templates,
      logs,
      journal: events,
      health,
      info: () => ({ ...facts, procs: procs.counts() }),
    },
    procs,
    open: async () => {
      await procs.open();
      life.hasLooked = true;
      events.start();
    },
    close: async () => {
      await events.stop();
      await procs.close(CLOSE_MS_MAX);
      isolation.containers.close();
      // A daemon that never came to look knows of no proc, while many may run.
      if (life.hasLooked && procs.holdsNothing) await network.remove();
      // Takes away only what is empty.
      await isolation.needs.cgroups.close();
    },
  };
}

async function openIsolation({ config, instance, log }: Parts, report: IsolationNeeds["report"]) {
  const dirs = { stateDir: config.stateDir, runDir: config.runDir };
  const { version: layout } = await detectCgroups();
  const { mounts } = await gatherCgroups();
  const roots = mounts.filter(({ readOnly }) => !readOnly).map(({ path }) => path);
  const sleep = pause;
  const cgroups = new Cgroups({ version: layout, roots }, `sharku-${instance.id}`, sleep);
  const { swapAccounting } = await cgroups.open();
  const needs: IsolationNeeds = {
    ...{ dirs, cgroups, sleep, report },
    runtime: new Runtime("/usr/bin/crun", runtimeDir(dirs)),
    facts: await gatherHostFacts(swapAccounting),
    disks: new AppDisks({ dir: disksDir(dirs), usualBytes: defaultLimits.appBytes, report }),
    idBase: ID_BASE + instance.index * IDS_PER_DAEMON,
    conmonProgram: "/usr/bin/conmon",
    layout,
  };
  const containers = new Containers(needs);
  await containers.open();
  const { kind, reason } = needs.disks.kind;
  if (kind === "none") log.warn({ reason }, "no limit on what procs write to /app");
  return { needs, containers };
}

async function infoFacts(
  { config, instance }: Parts,
  { runtime, layout, disks }: IsolationNeeds,
): Promise<Omit<Info, "procs">> {
  const { listen, portRange } = config;
  return {
    name: config.name,
    version,
    instance: instance.id,
    startedAt: systemClock.now().toISOString(),
    portRange: `${portRange.first}-${portRange.last}`,
    addresses: [`unix:${config.socket}`, `http://${listen.host}:${listen.port}`],
    runtime: { name: "crun", version: await runtime.version() },
    cgroup: layout,
    appDisk: disks.kind,
  };
}

function openImageRoom(
  { config }: Parts,
  {
    isolation,
    template,
    inUse,
  }: {
    isolation: Awaited<ReturnType<typeof openIsolation>>;
    template: () => TemplateFiles | null;
    inUse: (digest: string) => boolean;
  },
) {
  const sandbox = new UnpackSandbox({
    ...isolation.needs,
    containers: isolation.containers,
    template: () => hostTemplate(template()),
    firstSlot: JOB_SLOTS_FIRST,
  });
  return openImages({
    ...{ sandbox, inUse, clock: systemClock, limits: defaultImageLimits },
    dir: join(config.stateDir, "images"),
    randomId: () => `unpack-${randomName()}`,
  });
}

function hostTemplate(files: TemplateFiles | null): TemplateFiles {
  if (files === null) throw new Error("Cannot find the host template, which every daemon has");
  return files;
}
