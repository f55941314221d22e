import type { CheckName } from "../contract/health.ts";
import type { WatchedRun } from "../procs/needs.ts";
import type { Condition } from "./judge.ts";

/** Until a run is ready it is asked after these waits, so that a quick app is ready at once, and then every second. */
const FIRST_MS = 50;
const UNREADY_MS = 1_000;

/** Intervals vary by so much, so that procs started together are not asked together for ever. */
const JITTER = 0.1;

/** How long one probe of a startup may take, and at least takes though the deadline is nearer. */
const STARTUP_PROBE_MS = 5_000;
const STARTUP_PROBE_MS_MIN = 1_000;

export interface Pace {
  readonly check: CheckName;
  /** Counted from 0, from when this daemon began to ask. */
  readonly number: number;
  /** How long the probe before took. */
  readonly tookMs: number;
  readonly atMs: number;
  /** From 0 up to 1. */
  readonly random: number;
}

/** How long to wait before the next probe, in milliseconds. */
export function waitBefore(
  { checks, startedAtMs }: Pick<WatchedRun, "checks" | "startedAtMs">,
  condition: Condition,
  { check, number, tookMs, atMs, random }: Pace,
): number {
  const eagerMs = Math.min(FIRST_MS * 2 ** number, UNREADY_MS);
  if (check === "startup") {
    const leftMs = startedAtMs + (checks.startup?.timeoutMs ?? 0) - atMs;
    // One comes at the deadline, and its failure is the verdict; a daemon that finds it past asks once more, at once.
    if (leftMs <= 0) return number === 0 ? 0 : UNREADY_MS;
    return Math.min(eagerMs, leftMs);
  }
  const intervalMs = checks[check]?.intervalMs ?? 0;
  if (check === "readiness" && !condition.ready) return Math.min(eagerMs, intervalMs);
  // A daemon that has just started finds all of its procs at once.
  if (number === 0) return intervalMs * random;
  return Math.max(intervalMs * (1 + JITTER * (2 * random - 1)) - tookMs, 0);
}

export function startupTimeoutMs(
  { checks, startedAtMs }: Pick<WatchedRun, "checks" | "startedAtMs">,
  atMs: number,
): number {
  const leftMs = startedAtMs + (checks.startup?.timeoutMs ?? 0) - atMs;
  return Math.min(Math.max(leftMs, STARTUP_PROBE_MS_MIN), STARTUP_PROBE_MS);
}
