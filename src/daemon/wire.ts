import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { FastifyBaseLogger } from "fastify";
import type { ApiNeeds } from "../api/needs.ts";
import type { Info } from "../contract/host.ts";
import { defaultLimits } from "../contract/proc.ts";
import { judgeCallbackUrl } from "../events/callback-address.ts";
import { Events } from "../events/events.ts";
import { HealthWatch } from "../health/health.ts";
import { listenersOf } from "../health/listeners.ts";
import { probe } from "../health/probe.ts";
import { detectCgroups, gatherCgroups } from "../host/gather-cgroups.ts";
import { type ImageRoom, openImages } from "../images/images.ts";
import type { ImagesNeeds } from "../images/needs.ts";
import { Cgroups } from "../isolation/cgroup.ts";
import { AppDisks } from "../isolation/disks/app-disks.ts";
import { gatherHostFacts } from "../isolation/host-facts.ts";
import { Containers, type IsolationNeeds } from "../isolation/isolation.ts";
import { restoreNullDevice } from "../isolation/null-device.ts";
import { disksDir } from "../isolation/run-paths.ts";
import { RuntimeTrials } from "../isolation/runtime-trials.ts";
import { UnpackSandbox } from "../isolation/unpack-sandbox.ts";
import { pause, systemClock } from "../lib/clock.ts";
import { judgeWithOwn } from "../lib/own-places.ts";
import { randomFraction, randomName } from "../lib/random.ts";
import { openLogs } from "../logs/logs.ts";
import { BridgeNetwork } from "../network/network.ts";
import type { TemplateFiles } from "../procs/needs.ts";
import { Procs } from "../procs/procs.ts";
import type { Store } from "../store/store.ts";
import { withFilter } from "./compile-filter.ts";
import type { DaemonConfig } from "./config.ts";
import { makeDf } from "./df.ts";
import { imageLimits } from "./image-options.ts";
import { figureDoors, openHostRoom } from "./open-figures.ts";
import { findTools, openRuntimes } from "./open-runtimes.ts";
import { hostTemplate, openTemplateRoom } from "./open-templates.ts";
import { version } from "./version.ts";

/** Slots from this one on are for containers that are no runs. */
const JOB_SLOTS_FIRST = 5000;

/** Slots for the trials of runtimes. */
const TRIAL_SLOTS_FIRST = 5100;
const TRIAL_SLOTS = 64;

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

/** How long the daemon calls itself starting while runtimes are tried, in milliseconds. */
const TRIALS_MS_MAX = 5_000;

/** How long the daemon calls itself starting while it looks at the runs that it has found, in milliseconds. */
const LOOK_MS_MAX = 5_000;

/** How long the end of the daemon waits for what is under way, in milliseconds. */
const CLOSE_MS_MAX = 10_000;

/** How often it is looked whether the disk is getting full, and unused images have to go, in milliseconds. */
const COLLECT_MS = 60_000;

/** The only place that builds the rooms and joins them. */
export async function wire(parts: Parts): Promise<Wired> {
  const { config, store, instance, log } = parts;
  const report = (fault: unknown, context: Record<string, unknown>) =>
    log.warn({ err: fault, ...context }, "a fault");
  const clock = systemClock;
  // Images and templates ask whether a proc uses one, and procs look them up; runs want room that images may give.
  const late: { procs?: Procs; images?: ImageRoom } = {};
  const isolation = await openIsolation(parts, { report, late });
  const network = openNetwork(parts);
  const templates = await openTemplateRoom({ config, index: instance.index, isolation, late, report });
  const logs = await openLogs({ dir: join(config.stateDir, "logs"), clock });
  const judge = judgeWithOwn(ownListeners(config), config.fetchRules);
  const events = new Events({ store, clock, randomFraction, report, judge, kept: config.events });
  const images = await openImageRoom(parts, {
    isolation,
    ...{ judge, report },
    template: () => templates.find("host"),
    users: (digest) => late.procs?.imageUsers(digest) ?? 1,
  });
  const room = openHostRoom(config, network);
  late.images = images;
  const health = openHealth(report);
  const procs = new Procs({
    ...{ store, network, images, templates, logs, room, health, clock, report },
    isolation: isolation.containers,
    journal: events,
    randomId: randomName,
    randomFraction,
    bootId: (await readFile("/proc/sys/kernel/random/boot_id", "utf8")).trim(),
    hypervisor: config.name,
    judgeCallback: (url) => judgeCallbackUrl(url, judge)[0]?.detail ?? null,
  });
  late.procs = procs;
  const life = { hasLooked: false };
  const stopCollecting = collect(images, { report, log });
  const facts = await infoFacts(parts, isolation.needs);
  return {
    api: {
      ...{ procs, images, templates, logs, journal: events, health: parts.health },
      ...figureDoors({ procs, containers: isolation.containers, network, room }),
      df: makeDf({ ...config, images, templates, logs, procs, clock, disks: isolation.needs.disks }),
      info: () => ({ ...facts, ...runtimeFacts(isolation.needs), procs: procs.counts() }),
    },
    procs,
    open: async () => {
      const tried = tryRuntimes(isolation, templates);
      tried.catch((fault) => report(fault, {}));
      await procs.open(LOOK_MS_MAX);
      life.hasLooked = true;
      await images.clearDamaged().catch((fault) => report(fault, {}));
      events.start();
      // Longer only where a runtime hangs, and then a proc of that one waits by itself.
      await Promise.race([tried, clock.sleep(TRIALS_MS_MAX)]);
    },
    close: async () => {
      stopCollecting();
      await events.stop();
      await Promise.race([templates.close(), pause(CLOSE_MS_MAX)]);
      health.close();
      await procs.close(CLOSE_MS_MAX);
      await endTrials(isolation.needs);
      isolation.containers.close();
      // A daemon that never came to look knows of no proc, while many may run.
      if (life.hasLooked && procs.holdsNothing) await network.remove();
      // Takes away only what is empty.
      await isolation.needs.cgroups.close();
    },
  };
}

/** What callbacks and images may not be sent to or fetched from, whoever asks. */
function ownListeners({ listen, gilliam }: DaemonConfig): { address: string; port: number }[] {
  return [listen, ...(gilliam === null ? [] : [gilliam])].map(({ host: address, port }) => ({
    address,
    port,
  }));
}

function openNetwork({ config, instance: { id, index } }: Parts): BridgeNetwork {
  return new BridgeNetwork({ instance: id, index, portRange: config.portRange });
}

function openHealth(report: IsolationNeeds["report"]): HealthWatch {
  const { elapsedMs } = systemClock;
  return new HealthWatch({
    ...{ clock: systemClock, randomFraction, report, listenersOf },
    probe: (target, options) => probe(target, { ...options, elapsedMs }),
  });
}

/** Lets unused images go where the disk is getting full, until the returned function is called. */
function collect(images: ImageRoom, { report, log }: Pick<Parts, "log"> & Pick<IsolationNeeds, "report">) {
  let told: string | null = null;
  const look = async () => {
    await images.prune({});
    // Its procs may be gone by now.
    await images.clearDamaged();
    const shortage = await images.collector.shortage();
    if (shortage !== null && shortage !== told) log.warn(shortage);
    told = shortage;
  };
  const timer = setInterval(() => void look().catch((fault) => report(fault, {})), COLLECT_MS);
  timer.unref();
  return () => clearInterval(timer);
}

async function openIsolation(
  { config, instance, log }: Parts,
  { report, late }: Pick<IsolationNeeds, "report"> & { readonly late: { readonly images?: ImageRoom } },
) {
  const dirs = { stateDir: config.stateDir, runDir: config.runDir };
  const [{ conmon }, runtimes] = [await findTools(), await openRuntimes(config)];
  const { version: layout } = await detectCgroups();
  const { mounts } = await gatherCgroups();
  const roots = mounts.filter(({ readOnly }) => !readOnly).map(({ path }) => path);
  const sleep = pause;
  const cgroups = new Cgroups({ version: layout, roots }, `sharku-${instance.id}`, sleep);
  const { swapAccounting } = await cgroups.open();
  const needs: IsolationNeeds = {
    ...{ dirs, cgroups, sleep, report },
    ...{ runtimes, runtime: runtimes.thrower },
    facts: await withFilter(await gatherHostFacts(swapAccounting), { dirs, log }),
    disks: new AppDisks({
      ...{ dir: disksDir(dirs), usualBytes: defaultLimits.appBytes, report },
      makeRoom: async () => await late.images?.collector.makeRoom(0),
      randomId: randomName,
    }),
    idBase: ID_BASE + instance.index * IDS_PER_DAEMON,
    conmonProgram: conmon,
    layout,
  };
  const containers = new Containers(needs);
  await containers.open();
  const { kind, reason } = needs.disks.kind;
  if (kind === "none") log.warn({ reason }, "no limit on what procs write to /app");
  return { needs, containers };
}

async function tryRuntimes(
  { needs, containers }: Awaited<ReturnType<typeof openIsolation>>,
  templates: { find: (name: string) => TemplateFiles | null },
): Promise<void> {
  const hasFilter = needs.facts.seccompFilter !== null;
  const trials = new RuntimeTrials({
    ...{
      containers,
      dirs: needs.dirs,
      sleep: needs.sleep,
      elapsedMs: systemClock.elapsedMs,
      randomId: randomName,
    },
    hasFilter,
    ...{ firstSlot: TRIAL_SLOTS_FIRST, slotCount: TRIAL_SLOTS },
    template: () => hostTemplate(templates.find("host")),
  });
  // What another version of the daemon has found out may not be all that this one asks.
  await needs.runtimes.tryAll(`${version} ${hasFilter}`, (entry) => trials.findOut(entry));
  const standard = needs.runtimes.reports().find(({ isDefault }) => isDefault);
  if (standard !== undefined && !standard.usable)
    needs.report(new Error(`Cannot use runtime "${standard.name}", the default: no proc will start by it`), {
      problems: standard.problems,
    });
}

/** One that takes longer is cut off, and what it holds is swept by the next daemon, but for /dev/null. */
async function endTrials({ runtimes }: IsolationNeeds): Promise<void> {
  await Promise.race([runtimes.settled(), systemClock.sleep(CLOSE_MS_MAX)]);
  await restoreNullDevice();
}

/** As far as the trials have come. */
function runtimeFacts({ runtimes }: IsolationNeeds): Pick<Info, "runtime" | "runtimes"> {
  const reports = runtimes.reports();
  const standard = reports.find(({ isDefault }) => isDefault);
  return {
    runtime: { name: standard?.name ?? "none", version: standard?.version ?? "unknown" },
    runtimes: reports.map(({ program: path, ...rest }) => ({
      ...rest,
      path,
      problems: [...rest.problems],
      features: { ...rest.features },
    })),
  };
}

async function infoFacts(
  { config, instance }: Parts,
  { layout, disks }: IsolationNeeds,
): Promise<Omit<Info, "procs" | "runtime" | "runtimes">> {
  const { listen, portRange } = config;
  return {
    name: config.name,
    version,
    instance: instance.id,
    startedAt: systemClock.now().toISOString(),
    portRange: `${portRange.first}-${portRange.last}`,
    addresses: [`unix:${config.socket}`, `http://${listen.host}:${listen.port}`],
    cgroup: layout,
    appDisk: disks.kind,
  };
}

function openImageRoom(
  { config }: Parts,
  {
    isolation,
    template,
    ...needs
  }: Pick<ImagesNeeds, "users" | "judge" | "report"> & {
    isolation: Awaited<ReturnType<typeof openIsolation>>;
    template: () => TemplateFiles | null;
  },
) {
  const sandbox = new UnpackSandbox({
    ...isolation.needs,
    containers: isolation.containers,
    template: () => hostTemplate(template()),
    firstSlot: JOB_SLOTS_FIRST,
  });
  return openImages({
    ...{ ...needs, sandbox, clock: systemClock, limits: imageLimits(config.images) },
    dir: join(config.stateDir, "images"),
    sizesFile: join(config.stateDir, "sizes", "images.json"),
    randomId: () => `unpack-${randomName()}`,
  });
}
