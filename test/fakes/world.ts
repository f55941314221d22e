import type { Event } from "../../src/contract/event.ts";
import type { Limits } from "../../src/contract/proc.ts";
import { FifoPool } from "../../src/lib/fifo-pool.ts";
import type {
  HealthVerdict,
  Needs,
  NetworkLease,
  RunPlan,
  RunSight,
  StoredImage,
  WatchedRun,
} from "../../src/procs/needs.ts";
import type { Change, ProcRecord, RunRecord } from "../../src/procs/record.ts";

/**
 * A host in memory, for the heart alone: it holds what a real one would hold, ends apps when told to, and can fail
 * at any call. The real rooms are tried by the tests under test/host.
 */
export class World {
  readonly events: Event[] = [];
  readonly procs = new Map<string, ProcRecord>();
  readonly runs = new Map<string, RunRecord>();
  readonly containers = new Map<string, RunSight>();
  readonly cables = new Set<number>();
  readonly published = new Set<number>();
  readonly images = new Map<string, StoredImage>();
  /** What fetching an image comes to. */
  fetch: Needs["images"]["obtain"] = async () => {
    throw new Error("nothing is fetched here");
  };
  /** The limits that runs have been given since they began. */
  readonly limits = new Map<string, Limits>();
  /** Tells the daemon that a run has filled its /app. */
  fillDisk: (runId: string) => void = () => undefined;
  /** The runs that are asked whether they work, by the id of their proc. */
  readonly watched = new Map<string, WatchedRun>();
  /** Tells the daemon what the checks of a run have come to. */
  judge: (verdict: HealthVerdict) => void = () => undefined;
  /** Tells the daemon that a run has come close to a limit. */
  warn: Parameters<Needs["isolation"]["watchLimits"]>[0] = () => undefined;
  /** A host that takes whatever comes. */
  room: Needs["room"] = { assertPossible: () => undefined, assertRoom: () => undefined };
  readonly ports = new FifoPool(10_000, 10_009);
  readonly starts: string[] = [];
  readonly faults: unknown[] = [];
  /** Fails the call of this number, counted from 1, once. */
  failAt = 0;
  calls = 0;
  bootId = "boot-1";
  /** Where true, waits end only when they are called off. */
  timeStandsStill = false;
  nowMs = Date.parse("2026-01-01T00:00:00Z");
  /** What apps do on a signal: end with the code, or nothing. */
  codeOnSignal: number | null = 143;
  #exitListener: (runId: string) => void = () => undefined;
  #names = 0;

  /** All that is held on the host now. */
  held(): string[] {
    return [
      ...[...this.containers.keys()].map((id) => `container ${id}`),
      ...[...this.cables].map((slot) => `cable ${slot}`),
      ...[...this.published].map((port) => `port ${port}`),
      ...[...this.runs.keys()].map((id) => `run ${id}`),
    ];
  }

  /** Lets the app of the only run of a proc end. */
  endApp(procId: string, code: number): void {
    const run = [...this.runs.values()].find((one) => one.procId === procId);
    if (run === undefined) throw new Error(`no run of ${procId}`);
    this.#exit(run.id, code);
  }

  /** What a daemon is given; another daemon over the same world finds what the one before has left. */
  needs(): Needs {
    return {
      store: {
        commit: (change) => this.#step(() => this.#commit(change)),
        load: async () => ({
          procs: [...this.procs.values()],
          runs: [...this.runs.values()],
          seq: this.events.length,
        }),
      },
      isolation: this.#isolation(),
      network: this.#network(),
      images: {
        find: (digest) => this.images.get(digest) ?? null,
        used: () => undefined,
        judgeUrl: (url) => (url.startsWith("http") ? null : "it is no URL"),
        obtain: (source, signal) => this.fetch(source, signal),
        progressOf: () => null,
      },
      templates: {
        find: (name) => (name === "host" ? hostFiles : null),
        judge: async () => null,
        sweep: async () => undefined,
      },
      logs: {
        prepare: (procId) => this.#step(() => `/logs/${procId}`),
        remove: () => this.#step(() => undefined),
        sweep: async () => undefined,
        lastLines: async () => [],
      },
      health: this.#health(),
      journal: { publish: () => undefined },
      room: this.room,
      clock: {
        now: () => new Date(this.nowMs),
        elapsedMs: () => this.nowMs,
        // Time passes at once, but never without giving others their turn.
        sleep: async (ms, signal) => {
          await new Promise((resolve) => setImmediate(resolve));
          signal?.throwIfAborted();
          if (this.timeStandsStill)
            await new Promise((_, reject) => signal?.addEventListener("abort", reject));
          this.nowMs += ms;
        },
      },
      randomId: () => `n${++this.#names}`,
      randomFraction: () => 0.5,
      bootId: this.bootId,
      hypervisor: "here",
      judgeCallback: () => null,
      report: (fault) => this.faults.push(fault),
    };
  }

  /** What cutting off a call under way comes to. */
  interrupt: () => void = () => undefined;
  /** Runs of which all processes were told to end. */
  readonly signalledAll: string[] = [];
  /** What comes before a container is created. */
  beforeCreate: () => Promise<void> = async () => undefined;
  /** What is wrong with every program. */
  wrongCommand: string | null = null;
  /** Whether the host is one that can hold `limits.appBytes`. */
  boundsApp = true;

  #isolation(): Needs["isolation"] {
    const { containers } = this;
    return {
      runtimeNames: ["crun", "runc"],
      boundsApp: this.boundsApp,
      applyLimits: (runId, limits) => this.#step(() => void this.limits.set(runId, limits)),
      watchLimits: (listener) => {
        this.warn = listener;
      },
      watchFullDisks: (listener) => {
        this.fillDisk = listener;
      },
      create: async (plan: RunPlan) => {
        await this.beforeCreate();
        return await this.#step(() => {
          containers.set(plan.runId, { status: "created", pid: 7 });
          return { pid: 7 };
        });
      },
      start: (runId) =>
        this.#step(() => {
          this.starts.push(runId);
          containers.set(runId, { status: "running", pid: 7 });
        }),
      interrupt: async () => this.interrupt(),
      judgeCommand: async () => this.wrongCommand,
      signal: (runId) =>
        this.#step(() => {
          if (this.codeOnSignal !== null) this.#exit(runId, this.codeOnSignal);
        }),
      signalAll: (runId) =>
        this.#step(() => {
          this.signalledAll.push(runId);
          if (this.codeOnSignal !== null) this.#exit(runId, this.codeOnSignal);
        }),
      kill: (runId) => this.#step(() => this.#exit(runId, 137)),
      look: (runId) => this.#step(() => containers.get(runId) ?? { status: "absent" }),
      destroy: (runId) => this.#step(() => void containers.delete(runId)),
      watchExits: (listener) => {
        this.#exitListener = listener;
      },
      sweep: async (live) => {
        for (const id of containers.keys()) if (!live.includes(id)) containers.delete(id);
      },
    };
  }

  #health(): Needs["health"] {
    const unasked = { state: "waiting", failures: 0, results: [] } as const;
    return {
      watch: (run) => void this.watched.set(run.procId, run),
      rest: (procId) => void this.watched.delete(procId),
      forget: (procId) => void this.watched.delete(procId),
      onVerdict: (listener) => {
        this.judge = listener;
      },
      reports: () => ({
        startup: { ...unasked, results: [] },
        liveness: { ...unasked, results: [] },
        readiness: { ...unasked, results: [] },
      }),
    };
  }

  #network(): Needs["network"] {
    return {
      slotCount: 8,
      acquirePort: () => this.#step(() => this.ports.acquire() ?? 0),
      keepPort: (port) => this.ports.keep(port),
      releasePort: (port) => this.ports.release(port),
      attach: ({ slot, port }) =>
        this.#step(() => {
          this.cables.add(slot);
          this.published.add(port);
        }),
      detach: ({ slot, port }: NetworkLease) =>
        this.#step(() => {
          this.cables.delete(slot);
          this.published.delete(port);
        }),
      sweep: async () => undefined,
      nameFiles: async () => ({ hosts: "", resolvConf: "" }),
      addressOf: (port) => `127.0.0.1:${port}`,
    };
  }

  #exit(runId: string, code: number): void {
    const sight = this.containers.get(runId);
    if (sight === undefined || sight.status === "exited") return;
    this.containers.set(runId, { status: "exited", code, oom: false });
    this.#exitListener(runId);
  }

  #commit(change: Change): Event | null {
    if (change.saveProc) this.procs.set(change.saveProc.id, change.saveProc);
    if (change.saveRun) this.runs.set(change.saveRun.id, change.saveRun);
    if (change.deleteRun !== undefined) this.runs.delete(change.deleteRun);
    if (change.deleteProc !== undefined) this.procs.delete(change.deleteProc);
    if (!change.event) return null;
    const event = { ...change.event, seq: this.events.length + 1 };
    this.events.push(event);
    return event;
  }

  /** Every call takes a turn, and one of them fails. */
  async #step<T>(action: () => T): Promise<T> {
    this.calls += 1;
    const fails = this.calls === this.failAt;
    await new Promise((resolve) => setImmediate(resolve));
    if (fails) throw new Error(`the world fails at call ${this.failAt}`);
    return action();
  }
}

const hostFiles = { name: "host", version: "1", skeletonDir: "/skeleton", binds: [] };
