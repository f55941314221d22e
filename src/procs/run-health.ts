import type { Event } from "../contract/event.ts";
import { checkNames, type ProcHealth } from "../contract/health.ts";
import { endFor } from "./end-run.ts";
import { healthView } from "./health-view.ts";
import { type Life, toldChange } from "./life.ts";
import type { Health, HealthVerdict, Needs } from "./needs.ts";
import type { ProcRecord, RunHealth } from "./record.ts";
import type { Tools } from "./steps.ts";

/** What the checks of a run mean for its proc. Asking is the business of another room. */

export function healthReport(record: ProcRecord, health: Health): ProcHealth {
  const { ready, healthy } = healthView(record);
  const reports = health.reports(record.id);
  const checks = record.spec.health;
  return {
    ready,
    healthy,
    startup: checks.startup && reports.startup,
    liveness: checks.liveness && reports.liveness,
    readiness: checks.readiness && reports.readiness,
  };
}

/** Has the run asked as long as it is to run, and no longer. Called at every step, and changes nothing where it is so. */
export function followHealth(life: Life, { health, network }: Pick<Needs, "health" | "network">): void {
  if (life.isForgotten) {
    health.forget(life.id);
    return;
  }
  const { record, run, knowledge } = life;
  const { spec, state, port, startedAt } = record;
  const isWanted = state === "running" && record.stopping === null && record.exit === null;
  const isAsked = checkNames.some((name) => spec.health[name] !== null);
  if (!isWanted || !isAsked || run === null || port === null || startedAt === null) {
    health.rest(life.id);
    return;
  }
  // What it is at is being looked up; the next step knows.
  if (knowledge.status !== "running") return;
  const [host = ""] = network.addressOf(port).split(":");
  const { started, ready, healthy } = record.health;
  health.watch({
    ...{ procId: record.id, runId: run.id, pid: knowledge.pid, address: { host, port } },
    ...{ checks: spec.health, startedAtMs: Date.parse(startedAt), started, ready, healthy },
  });
}

/** Puts on record what the checks of a run have come to, tells it, and ends the run where that is the answer. */
export async function takeVerdict(life: Life, verdict: HealthVerdict, tools: Tools): Promise<void> {
  const { runId, kind, message } = verdict;
  const { needs } = tools;
  if (kind === "boot-timeout") {
    await endFor(life, { runId, why: "boot-timeout", message }, tools);
    return;
  }
  await life.commit((record) => {
    if (life.run?.id !== runId || record.state !== "running" || record.exit !== null) return null;
    const health = afterVerdict(record.health, kind, needs.clock.now().toISOString());
    const changed = { ...record, health };
    const type = eventOf(record.health, health);
    return { saveProc: changed, ...(type !== null && toldChange(needs, type, changed)) };
  });
  if (kind !== "unhealthy" || life.isForgotten) return;
  if (life.record.spec.health.liveness?.action === "restart")
    await endFor(life, { runId, why: "unhealthy", message }, tools);
}

function afterVerdict(before: RunHealth, kind: HealthVerdict["kind"], now: string): RunHealth {
  switch (kind) {
    case "started":
      return { ...before, started: true };
    case "ready":
      return { ...before, started: true, ready: true, readyAt: before.readyAt ?? now };
    case "unready":
      return { ...before, ready: false };
    default:
      return { ...before, healthy: kind === "healthy" };
  }
}

/** What is told: that something has turned, never that it is as it was. */
function eventOf(before: RunHealth, after: RunHealth): Event["type"] | null {
  if (before.ready !== after.ready) return after.ready ? "proc.ready" : "proc.unready";
  if (before.healthy !== after.healthy) return after.healthy ? "proc.healthy" : "proc.unhealthy";
  return null;
}
