import type { Event, LogRecord } from "../contract/event.ts";
import type { CheckName, CheckReport, HealthChecks } from "../contract/health.ts";
import type { ImageProgress } from "../contract/image-progress.ts";
import type { Limits, Network as NetworkSpec } from "../contract/proc.ts";
import type { Figures } from "../contract/stats.ts";
import type { Change, ProcRecord, RunRecord } from "./record.ts";

/**
 * What the heart asks of the other rooms. Each interface is told by its user; daemon/wire.ts hands in what the
 * rooms offer. Errors that users cause are SharkuError; anything else is a fault of the daemon.
 */
export interface Needs {
  readonly store: ProcStore;
  readonly isolation: Isolation;
  readonly network: Network;
  readonly images: Images;
  readonly templates: Templates;
  readonly logs: Logs;
  readonly health: Health;
  readonly room: HostRoom;
  readonly journal: Journal;
  readonly clock: Clock;
  /** Letters and digits, new each time, beyond guessing. */
  readonly randomId: () => string;
  /** A number from 0 up to, but without, 1; for jitter. */
  readonly randomFraction: () => number;
  /** The kernel's boot id: what was begun under another one cannot be alive. */
  readonly bootId: string;
  /** Name of this hypervisor. */
  readonly hypervisor: string;
  /** What is wrong with a callback's URL, as far as the URL tells; null where it may be tried. */
  readonly judgeCallback: (url: string) => string | null;
  /** Every fault that has nobody to be answered to ends here. */
  readonly report: (fault: unknown, context: Record<string, unknown>) => void;
}

export interface ProcStore {
  /**
   * Makes the change durable, then answers; with the journal's event where the change has one. Changes are
   * committed in the order of the calls. Errors: `disk-full`.
   */
  commit(change: Change): Promise<Event | null>;
  /** All that is on disk, once, at the start of the daemon; `seq` is the number of the last event. */
  load(): Promise<{ procs: ProcRecord[]; runs: RunRecord[]; seq: number }>;
}

/** Called after an event is on disk, in the order of `seq`: tells those who follow. Never throws. */
export interface Journal {
  publish(event: Event): void;
}

/** All that a container is made of. */
export interface RunPlan {
  readonly runId: string;
  readonly procId: string;
  readonly slot: number;
  readonly hostname: string;
  /** Program and arguments; the program is looked for on the PATH of `env`. */
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly template: TemplateFiles;
  /** Directory with the image's files, or null for an empty /app. */
  readonly imageDir: string | null;
  readonly limits: Limits;
  /** One of `runtimeNames`. */
  readonly runtime: string;
  readonly network: NetworkSpec;
  /** The contents of /etc/hosts and /etc/resolv.conf. */
  readonly hosts: string;
  readonly resolvConf: string;
  /** Where its output is kept, line by line, by the supervisor. */
  readonly logFile: string;
}

/** A template, as its files stand on the host. */
export interface TemplateFiles {
  readonly name: string;
  readonly version: string;
  /** The empty, read-only root with the mountpoints and links. */
  readonly skeletonDir: string;
  /** Read-only binds over it, in order: the template's top-level directories. */
  readonly binds: readonly { readonly source: string; readonly destination: string }[];
}

/** Whom the kernel has killed in a run for want of memory; `unsure`: most likely its main process, and nobody can tell. */
export type OomVictim = "none" | "main" | "other" | "unsure";

/** What is to be seen of a run from outside. */
export type RunSight =
  | { readonly status: "absent" }
  | { readonly status: "created"; readonly pid: number }
  | { readonly status: "running"; readonly pid: number }
  /** Processes live on, but nobody is there who would see their end. */
  | { readonly status: "unwatched"; readonly started: boolean }
  /** `code` is null where nobody saw the end. */
  | {
      readonly status: "exited";
      readonly code: number | null;
      /** Whether the kernel has killed any of its processes for want of memory. */
      readonly oom: boolean;
      /** Told of an end by SIGKILL only. */
      readonly oomVictim?: OomVictim;
      /** Whether its /app was full at the end. */
      readonly diskFull?: boolean;
      /** What it had used by then. */
      readonly figures?: Figures;
    };

export interface Isolation {
  /** The OCI runtimes that procs may ask for; the first is the default. */
  readonly runtimeNames: readonly string[];
  /** Whether this host holds `limits.appBytes`. */
  readonly boundsApp: boolean;
  /**
   * Builds the container and its supervisor, up to the moment before its command. The caller has recorded the
   * run; whatever happens, `destroy` gives everything back. The signal ends a wait for the runtime's trial; once the
   * runtime is at work, `interrupt` does.
   */
  create(plan: RunPlan, signal: AbortSignal): Promise<{ readonly pid: number }>;
  /**
   * What is wrong with a program that a created container is to run, in words that follow its name; null where it can
   * be executed, and where that cannot be told from outside.
   */
  judgeCommand(plan: RunPlan, program: string): Promise<string | null>;
  /**
   * Ends whatever is at work on the container from outside, its supervisor too, so that calls under way for it fail.
   * `destroy` is still to be called.
   */
  interrupt(runId: string): Promise<void>;
  /** Lets the command of a created container run. */
  start(runId: string): Promise<void>;
  /** Sends a signal to the run's main process; does nothing where it is gone. */
  signal(runId: string, signal: NodeJS.Signals): Promise<void>;
  /** Sends a signal to all of the run's other processes now, and to the main one when these have ended. */
  signalAll(runId: string, signal: NodeJS.Signals): Promise<void>;
  /** Kills every process of the run at once and returns when none is left, or after its own deadline throws. */
  kill(runId: string): Promise<void>;
  /**
   * Makes the live ones of these limits hold from now on; repeating it is fine, and it does nothing where the run is
   * gone. Errors: `limit-in-use` where it holds more memory than that, and nothing is changed then.
   */
  applyLimits(runId: string, limits: Limits): Promise<void>;
  look(runId: string): Promise<RunSight>;
  /** Kills what lives of the run and gives back all it held, whatever state it is in. Repeating it is fine. */
  destroy(runId: string): Promise<void>;
  /** Names each run whose end can now be told by `look`; may name one more than once. */
  watchExits(listener: (runId: string) => void): void;
  /** Names each run that has filled its /app: once, until there is room in it again. */
  watchFullDisks(listener: (runId: string) => void): void;
  /**
   * Names each run that has come close to a limit, and which: once, until there is room again; and each in which the
   * kernel has killed a process for want of memory that was not the end of it.
   */
  watchLimits(listener: (runId: string, warning: "memory-high" | "pids-limit" | "oom") => void): void;
  /** Destroys what stands on the host in this daemon's name and belongs to none of these runs. */
  sweep(liveRunIds: readonly string[]): Promise<void>;
}

/** How much this host can take. */
export interface HostRoom {
  /** Errors: `limit-beyond-host` where no proc on this host could ever have so much. */
  assertPossible(limits: Limits): void;
  /** Errors: `no-room` where there is none for another with these limits beside those that live. */
  assertRoom(limits: Limits, living: readonly Limits[]): void;
}

/** A run's place on the network. */
export interface NetworkLease {
  readonly runId: string;
  readonly slot: number;
  /** Published on the host's loopback and bound inside, the same number. */
  readonly port: number;
}

export interface Network {
  /** How many runs with a network there can be at once. */
  readonly slotCount: number;
  /** Reserves a port until it is released, the one longest unused first, after trying that it is free. Errors: `no-port`. */
  acquirePort(): Promise<number>;
  /** Marks ports that records hold as taken, at the start of the daemon. */
  keepPort(port: number): void;
  releasePort(port: number): void;
  /** Gives a created container its address and publishes its port. */
  attach(lease: NetworkLease & { readonly pid: number }): Promise<void>;
  /** Takes both back. Repeating it is fine. */
  detach(lease: NetworkLease): Promise<void>;
  /** Makes the host's state that of exactly these leases. */
  sweep(live: readonly NetworkLease[]): Promise<void>;
  /** What /etc/hosts and /etc/resolv.conf say in a run's network. */
  nameFiles(run: {
    readonly hostname: string;
    readonly slot: number | null;
  }): Promise<{ hosts: string; resolvConf: string }>;
  /** Where a published port is reached. */
  addressOf(port: number): string;
}

export interface StoredImage {
  readonly digest: string;
  readonly bytes: number;
  readonly filesDir: string;
  /** The lines of its Procfile. */
  readonly processes: Readonly<Record<string, string>>;
}

export interface ImageSource {
  readonly url: string;
  readonly sha256: string | null;
}

export interface Images {
  /** From memory, at once. */
  find(digest: string): StoredImage | null;
  /** Remembers that a run begins with it now. */
  used(digest: string): void;
  /** What is wrong with an image's URL, as far as the URL tells; null where it may be tried. */
  judgeUrl(url: string): string | null;
  /**
   * Fetches the image, or finds it here; asked for the same by many it does so once.
   * Errors: SharkuError with words for the proc's owner; the signal's reason.
   */
  obtain(source: ImageSource, signal: AbortSignal): Promise<StoredImage>;
  /** How far its fetch is, at once; null where none is under way. */
  progressOf(source: ImageSource): ImageProgress | null;
}

export interface Templates {
  /** That version, or the newest, at once; null where there is no such template. */
  find(name: string, version?: string): TemplateFiles | null;
  /** What is wrong by now with directories of the host that it shows, or null. To be asked before each run. */
  judge(name: string, version: string): Promise<string | null>;
  /** Removes old versions that none of these runs sees. To be called whenever one may have lost its last. */
  sweep(versionsInUse: readonly string[]): Promise<void>;
}

export interface Logs {
  /** The file that the supervisor of that run writes to; its directory exists when this returns. */
  prepare(procId: string, run: { readonly id: string; readonly number: number }): Promise<string>;
  /** Forgets all logs of a proc. Repeating it is fine. */
  remove(procId: string): Promise<void>;
  /** Removes the logs of procs that are no more. */
  sweep(liveProcIds: readonly string[]): Promise<void>;
  /** The last lines, oldest first, for the message about an end. */
  lastLines(procId: string, count: number): Promise<LogRecord[]>;
}

/** A run to be asked whether it works, from what is on record of it. */
export interface WatchedRun {
  readonly procId: string;
  readonly runId: string;
  /** Of its main process, to see what it listens on; null where nobody knows it. */
  readonly pid: number | null;
  /** Where its callers reach its PORT. */
  readonly address: { readonly host: string; readonly port: number };
  readonly checks: HealthChecks;
  readonly startedAtMs: number;
  readonly started: boolean;
  readonly ready: boolean;
  readonly healthy: boolean;
}

/** What the checks of a run have come to. `message` says of a bad turn what was found. */
export interface HealthVerdict {
  readonly procId: string;
  readonly runId: string;
  readonly kind: "started" | "ready" | "unready" | "healthy" | "unhealthy" | "boot-timeout";
  readonly message: string;
}

export type HealthReports = Readonly<Record<CheckName, CheckReport>>;

/** Asks runs, at the pace of their checks, whether they work. From memory, at once; never throws. */
export interface Health {
  /** Begins to ask, or goes on: repeating it for the same run changes nothing. */
  watch(run: WatchedRun): void;
  /** Asks no more, and keeps what was found. Repeating it is fine. */
  rest(procId: string): void;
  /** Keeps nothing of it. Repeating it is fine. */
  forget(procId: string): void;
  /** Tells each turn of each run; where a run that should end has not, again. */
  onVerdict(listener: (verdict: HealthVerdict) => void): void;
  reports(procId: string): HealthReports;
}

export interface Clock {
  now(): Date;
  /** Resolves after `ms` milliseconds, or rejects at once when `signal` aborts. Does not keep Node alive. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
  /** Milliseconds since some moment, never set back: for measuring. */
  elapsedMs(): number;
}
