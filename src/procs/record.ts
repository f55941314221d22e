import type { Event } from "../contract/event.ts";
import type { HealthChecks } from "../contract/health.ts";
import type { Command, Config, Exit, Labels, Limits, Network, Stop, Timings } from "../contract/proc.ts";
import type { Restart } from "../contract/restart.ts";
import type { ProcState } from "../contract/states.ts";
import type { Figures } from "../contract/stats.ts";

/** What Sharku remembers of a proc and of its runs. These shapes are what the store keeps. */

/** What was asked for, with every default filled in. */
export interface FullSpec {
  readonly app: string;
  readonly name: string;
  /** `sha256:…` or a URL, or null for an empty /app. */
  readonly image: string | null;
  /** `sha256:…` that the bytes at the URL must have; null where any will do. */
  readonly imageSha256: string | null;
  readonly template: string;
  /** null where the image's Procfile is to tell it. */
  readonly command: Command | null;
  readonly process: string | null;
  readonly config: Config;
  readonly callbackUrl: string | null;
  /** What callbacks are signed with; shown nowhere. */
  readonly callbackSecrets: readonly string[];
  readonly limits: Limits;
  readonly stop: Stop;
  readonly restart: Restart;
  readonly ttlMs: number | null;
  readonly health: HealthChecks;
  readonly network: Network;
  /** The OCI runtime, by name. */
  readonly runtime: string;
  readonly labels: Labels;
}

/** What the proc's owner wants of it now; the daemon works towards it, also after a restart. */
export type Wanted = "running" | "stopped" | "gone";

/** Why a run is being ended: somebody asked for it, or the daemon itself found a reason. */
export const endWhys = ["stopped", "restart", "ttl", "unhealthy", "boot-timeout"] as const;
export type EndWhy = (typeof endWhys)[number];

/** The end of a run that is under way: what asks it to end, and from when on it is killed. */
export interface Stopping {
  readonly signal: Stop["signal"];
  readonly deadline: string;
  readonly why: EndWhy;
  /** What is to be told of the cause, where there is more to say than its name. */
  readonly message?: string;
}

/** Whether its owner, or the daemon, wants what runs of it to end. */
export function isToEnd({ wanted, stopping }: Pick<ProcRecord, "wanted" | "stopping">): boolean {
  return wanted !== "running" || stopping !== null;
}

/** What is remembered of a run's checks, so that another daemon goes on from there. */
export interface RunHealth {
  /** Its startup has passed. */
  readonly started: boolean;
  readonly ready: boolean;
  readonly healthy: boolean;
  /** When it became ready for the first time; null before. */
  readonly readyAt: string | null;
}

export interface Program {
  /** The image's digest, or null for an empty /app. */
  readonly digest: string | null;
  readonly command: Command;
}

export interface ProcRecord {
  readonly id: string;
  readonly spec: FullSpec;
  readonly state: ProcState;
  readonly wanted: Wanted;
  /** What it is to run; null until an image that has to be fetched is here. */
  readonly program: Program | null;
  /** What the checks of its last run have come to. */
  readonly health: RunHealth;
  /** The end that is under way, or null. */
  readonly stopping: Stopping | null;
  /** PORT, the same inside and outside; null where the proc has no network. Its own until its last run is given back. */
  readonly port: number | null;
  /** How it ended; on record before anything of the run is given back, and so before the state tells it. */
  readonly exit: Exit | null;
  readonly createdAt: string;
  readonly startedAt: string | null;
  readonly exitedAt: string | null;
  readonly timings: Timings;
  /** How many runs there have been. */
  readonly runs: number;
  /** How often it has been started again. */
  readonly restarts: number;
  /** How many restarts there have been in a row, with no run that lasted. */
  readonly attempts: number;
  /** When it is started again, while it waits for that. */
  readonly nextRestartAt: string | null;
  /** How the run before this one ended. */
  readonly lastExit: Exit | null;
  /** What its last run had used when it ended. */
  readonly lastFigures?: Figures | null;
}

/**
 * One start of a proc. Every resource it takes on the host has a name made from `id` or `slot`; the row is
 * written before the first is taken and removed after the last is given back.
 */
export interface RunRecord {
  /** Safe as a container id, a cgroup name and a file name. */
  readonly id: string;
  readonly procId: string;
  /** 1 for the first run of its proc. */
  readonly number: number;
  /** Gives the run its pair of host uids, its address and its veth: unique among the runs not given back. */
  readonly slot: number;
  /** The kernel's boot id when the run began: after a reboot nothing of it can be alive. */
  readonly bootId: string;
  readonly createdAt: string;
  /** Set right before the command is let run: from then on it may have run, whatever is found of it. */
  readonly released: boolean;
  /** The template's files as this run sees them. */
  readonly templateVersion: string;
}

/** An event before the journal has numbered it. */
export type NewEvent = Omit<Event, "seq">;

/**
 * One transaction of the store: all of it is on disk, or none. An event becomes a row of the journal; where
 * `callbackUrl` is given, also a row of the outbox.
 */
export interface Change {
  readonly saveProc?: ProcRecord;
  readonly deleteProc?: string;
  readonly saveRun?: RunRecord;
  readonly deleteRun?: string;
  readonly event?: NewEvent;
  readonly callbackUrl?: string | null;
  readonly callbackSecrets?: readonly string[];
}
