import type { CheckName, HealthChecks } from "../contract/health.ts";

/** What a run's checks have come to so far. */
export interface Condition {
  /** Its startup has passed; true from the first where there is no such check. */
  readonly started: boolean;
  readonly ready: boolean;
  readonly healthy: boolean;
  /** Whether liveness has ever passed. */
  readonly lived: boolean;
  /** Failures in a row that count. */
  readonly failures: Readonly<Record<CheckName, number>>;
}

export type VerdictKind = "started" | "ready" | "unready" | "healthy" | "unhealthy" | "boot-timeout";

export interface Judgement {
  readonly condition: Condition;
  /** What is to be told now, or null. */
  readonly verdict: VerdictKind | null;
}

/**
 * Without a startup check nothing tells when an app has begun to work; so long, or until it has passed once, its
 * liveness may fail without being counted.
 */
export const FIRST_LIFE_MS = 60_000;

/** What one result makes of a run's condition. */
export function judge(
  { checks, startedAtMs }: { readonly checks: HealthChecks; readonly startedAtMs: number },
  before: Condition,
  { check, ok, atMs }: { readonly check: CheckName; readonly ok: boolean; readonly atMs: number },
): Judgement {
  const failures = { ...before.failures, [check]: ok ? 0 : before.failures[check] + 1 };
  const condition = { ...before, failures };
  switch (check) {
    case "startup":
      if (ok) return begun(condition, checks);
      return { condition, verdict: isTooLate({ checks, startedAtMs }, atMs) ? "boot-timeout" : null };
    case "readiness":
      if (ok) return condition.ready ? quiet(condition) : ready(condition);
      if (!condition.ready || failures.readiness < (checks.readiness?.failures ?? 1)) return quiet(condition);
      return { condition: { ...condition, ready: false }, verdict: "unready" };
    default:
      return ofLiveness({ checks, startedAtMs }, condition, { ok, atMs });
  }
}

function begun(condition: Condition, checks: HealthChecks): Judgement {
  if (checks.readiness === null) return ready({ ...condition, started: true });
  return { condition: { ...condition, started: true }, verdict: "started" };
}

function ready(condition: Condition): Judgement {
  return { condition: { ...condition, ready: true }, verdict: "ready" };
}

function quiet(condition: Condition): Judgement {
  return { condition, verdict: null };
}

function isTooLate(
  { checks, startedAtMs }: { readonly checks: HealthChecks; readonly startedAtMs: number },
  atMs: number,
): boolean {
  return checks.startup !== null && atMs >= startedAtMs + checks.startup.timeoutMs;
}

function ofLiveness(
  { checks, startedAtMs }: { readonly checks: HealthChecks; readonly startedAtMs: number },
  condition: Condition,
  { ok, atMs }: { readonly ok: boolean; readonly atMs: number },
): Judgement {
  if (ok) {
    const living = { ...condition, lived: true, healthy: true };
    return { condition: living, verdict: condition.healthy ? null : "healthy" };
  }
  const mayStillBegin = checks.startup === null && !condition.lived && atMs < startedAtMs + FIRST_LIFE_MS;
  if (mayStillBegin) return quiet({ ...condition, failures: { ...condition.failures, liveness: 0 } });
  const { failures = 1, action = "restart" } = checks.liveness ?? {};
  if (condition.failures.liveness < failures) return quiet(condition);
  // Told once where it is only told; asked for again where it should end and has not.
  const verdict = condition.healthy || action === "restart" ? "unhealthy" : null;
  return { condition: { ...condition, healthy: false }, verdict };
}
