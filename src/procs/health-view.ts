import type { Proc } from "../contract/proc.ts";
import type { FullSpec, ProcRecord, RunHealth } from "./record.ts";

/** What is on record of a run's checks when its command begins. */
export function healthAtStart({ health }: Pick<FullSpec, "health">, startedAt: string): RunHealth {
  const started = health.startup === null;
  const ready = started && health.readiness === null;
  return { started, ready, healthy: true, readyAt: ready ? startedAt : null };
}

/** Before any run of it has begun. */
export const noHealthYet: RunHealth = { started: false, ready: false, healthy: true, readyAt: null };

export function healthView({ spec, state, health }: ProcRecord): Pick<Proc, "ready" | "readyAt" | "healthy"> {
  return {
    ready: state === "running" && health.ready,
    readyAt: health.readyAt,
    healthy: spec.health.liveness === null ? null : health.healthy,
  };
}
