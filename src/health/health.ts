import {
  type CheckName,
  type CheckReport,
  type CheckResult,
  checkNames,
  type HealthChecks,
  RESULTS_KEPT,
} from "../contract/health.ts";
import { AtOnce } from "../lib/at-once.ts";
import type { Health, HealthReports, HealthVerdict, WatchedRun } from "../procs/needs.ts";
import { explainRefusal, explainVerdict } from "./explain.ts";
import { type Condition, judge } from "./judge.ts";
import type { HealthNeeds, Probed } from "./needs.ts";
import { startupTimeoutMs, waitBefore } from "./pace.ts";

/**
 * Room health: asks the apps, at their pace, whether they work, and tells what that comes to. It decides nothing
 * about a proc and writes nothing down: what its verdicts lead to is the heart's business.
 *
 * INVARIANTS
 * - Of one check of one run, no more than one probe is under way, and no more than `PROBES_AT_ONCE` of all; waiting
 *   for a turn counts as no app's failure.
 * - A probe spawns nothing and enters nothing: it comes as the proc's callers come.
 * - What the daemon could not ask (its own lack, its own absence) counts neither way.
 */

/** An app that does not answer holds its place for a while: as many as this may, before others wait for a turn. */
const PROBES_AT_ONCE = 256;

interface Watch {
  readonly run: WatchedRun;
  readonly over: AbortController;
  readonly results: Readonly<Record<CheckName, CheckResult[]>>;
  condition: Condition;
}

export class HealthWatch implements Health {
  readonly #needs: HealthNeeds;
  readonly #gate: AtOnce;
  /** By the proc's id: of the run that is probed, or was last. */
  readonly #watches = new Map<string, Watch>();
  #tell: (verdict: HealthVerdict) => void = () => undefined;

  constructor(needs: HealthNeeds, probesAtOnce = PROBES_AT_ONCE) {
    this.#needs = needs;
    this.#gate = new AtOnce(probesAtOnce);
  }

  onVerdict(listener: (verdict: HealthVerdict) => void): void {
    this.#tell = listener;
  }

  watch(run: WatchedRun): void {
    const before = this.#watches.get(run.procId);
    if (before?.run.runId === run.runId && !before.over.signal.aborted) return;
    before?.over.abort();
    const { started, ready, healthy } = run;
    const failures = { startup: 0, liveness: 0, readiness: 0 };
    const watch: Watch = {
      run,
      over: new AbortController(),
      // A run that is taken up again keeps what was seen of it.
      results:
        before?.run.runId === run.runId ? before.results : { startup: [], liveness: [], readiness: [] },
      condition: { started, ready, healthy, lived: !healthy, failures },
    };
    this.#watches.set(run.procId, watch);
    if (!started) this.#probeOn(watch, "startup");
    else this.#beginAll(watch);
  }

  rest(procId: string): void {
    this.#watches.get(procId)?.over.abort();
  }

  forget(procId: string): void {
    this.rest(procId);
    this.#watches.delete(procId);
  }

  reports(procId: string): HealthReports {
    const watch = this.#watches.get(procId);
    const entries = checkNames.map((name) => [name, watch ? reportOf(watch, name) : unasked]);
    // The names are all of them, which `fromEntries` forgets.
    return Object.fromEntries(entries) as HealthReports;
  }

  close(): void {
    for (const watch of this.#watches.values()) watch.over.abort();
  }

  #beginAll(watch: Watch): void {
    const { liveness, readiness } = watch.run.checks;
    if (readiness !== null) this.#probeOn(watch, "readiness");
    if (liveness !== null) this.#probeOn(watch, "liveness");
  }

  #probeOn(watch: Watch, check: CheckName): void {
    const { signal } = watch.over;
    this.#probeUntilOver(watch, check).catch((fault: unknown) => {
      if (!signal.aborted) this.#needs.report(fault, { procId: watch.run.procId, check });
    });
  }

  async #probeUntilOver(watch: Watch, check: CheckName): Promise<void> {
    const { clock, randomFraction } = this.#needs;
    const { signal } = watch.over;
    let tookMs = 0;
    for (let number = 0; check !== "startup" || !watch.condition.started; number += 1) {
      const { run, condition } = watch;
      const atMs = clock.now().getTime();
      const pace = { check, number, tookMs, atMs, random: randomFraction() };
      await clock.sleep(waitBefore(run, condition, pace), signal);
      const beganMs = clock.elapsedMs();
      await this.#gate.run(() => this.#probeOnce(watch, check), signal);
      tookMs = clock.elapsedMs() - beganMs;
    }
  }

  async #probeOnce(watch: Watch, check: CheckName): Promise<void> {
    const { clock, report } = this.#needs;
    const { run, over } = watch;
    const { address, checks, procId, startedAtMs } = run;
    const at = clock.now();
    const target = { ...address, path: checks[check]?.http ?? null };
    const timeoutMs =
      check === "startup" ? startupTimeoutMs(run, at.getTime()) : (checks[check]?.timeoutMs ?? 0);
    const probed = await this.#needs.probe(target, { timeoutMs, signal: over.signal });
    if (probed.outcome === "unknown") {
      report(new Error(`Cannot probe proc "${procId}": ${probed.output}`), { check });
      return;
    }
    const output = await this.#explained(run, probed);
    if (over.signal.aborted) return;
    const ok = probed.outcome === "passed";
    keep(watch.results[check], { at: at.toISOString(), ok, ms: probed.ms, output });
    const atMs = clock.now().getTime();
    const { condition, verdict } = judge({ checks, startedAtMs }, watch.condition, { check, ok, atMs });
    const hasBegun = condition.started && !watch.condition.started;
    watch.condition = condition;
    if (hasBegun) this.#beginAll(watch);
    if (verdict === null) return;
    const message = explainVerdict(checks, { check, failures: condition.failures[check], output });
    this.#tell({ procId, runId: run.runId, kind: verdict, message });
  }

  async #explained({ pid, address }: WatchedRun, { outcome, output }: Probed): Promise<string> {
    if (outcome !== "refused") return output;
    const listeners = pid === null ? [] : await this.#needs.listenersOf(pid);
    return `${output}, ${explainRefusal(address.port, listeners)}`;
  }
}

/** Apps say mostly the same: one text is then kept for all results. */
function keep(results: CheckResult[], result: CheckResult): void {
  const before = results.at(-1);
  results.push(before?.output === result.output ? { ...result, output: before.output } : result);
  if (results.length > RESULTS_KEPT) results.shift();
}

const unasked: CheckReport = { state: "waiting", failures: 0, results: [] };

function reportOf({ condition, results }: Watch, name: CheckName): CheckReport {
  const state = stateOf(condition, name, results[name].length > 0);
  return { state, failures: condition.failures[name], results: [...results[name]] };
}

function stateOf(condition: Condition, name: CheckName, wasAsked: boolean): CheckReport["state"] {
  switch (name) {
    case "startup":
      return condition.started ? "passing" : "waiting";
    case "readiness":
      if (condition.ready) return "passing";
      return wasAsked ? "failing" : "waiting";
    default:
      if (!condition.healthy) return "failing";
      return condition.lived ? "passing" : "waiting";
  }
}

/** Where a run begins with such checks, before anything was asked. */
export function blankCondition(checks: HealthChecks): Pick<Condition, "started" | "ready" | "healthy"> {
  const started = checks.startup === null;
  return { started, ready: started && checks.readiness === null, healthy: true };
}
