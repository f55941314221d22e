import type { ExitReason } from "../contract/states.ts";
import { cutOffWhenUnwanted } from "./cut-off.ts";
import { argvOf, environmentOf, hostnameOf, programsOf } from "./environment.ts";
import { failedStart } from "./exits.ts";
import { healthAtStart } from "./health-view.ts";
import { leaseOf } from "./lease.ts";
import type { Life } from "./life.ts";
import type { Needs, RunPlan } from "./needs.ts";
import { isToEnd, type RunRecord } from "./record.ts";

/** Why a launch failed, with the words for the proc's owner. */
class LaunchError extends Error {
  override readonly name = "LaunchError";
  readonly reason: ExitReason;

  constructor(reason: ExitReason, message: string, cause?: unknown) {
    super(message, { cause });
    this.reason = reason;
  }
}

/**
 * The start of a run, as a straight story: container, network, command. The run's row is on disk already, so
 * whatever is taken here has an owner; what fails here is put on record as the run's end and given back by the
 * next step.
 */
export async function launchRun(life: Life, needs: Needs): Promise<void> {
  const { run } = life;
  if (run === null) throw new Error(`Cannot launch proc "${life.id}": it has no run`);
  const beganMs = needs.clock.elapsedMs();
  const { signal, relax } = cutOffWhenUnwanted(life, needs);
  let timings: Record<string, number> | null = null;
  try {
    timings = await launch(life, run, { needs, signal });
  } catch (fault) {
    // What comes of a launch that is cut off, or fails as nobody wants it any more, is its end as it was asked for.
    if (!isToEnd(life.record)) return await recordFailure(life, fault, needs);
  } finally {
    relax();
  }
  if (timings === null) {
    life.knowledge = { status: life.run?.released === true ? "unknown" : "absent" };
    return;
  }
  const totalMs = round(needs.clock.elapsedMs() - (life.acceptedMs ?? beganMs));
  // Only the first start is one that somebody has waited for since the request.
  life.acceptedMs = null;
  const startedAt = needs.clock.now().toISOString();
  const health = healthAtStart(life.record.spec, startedAt);
  await life.move("running", { startedAt, health, timings: { ...timings, totalMs } });
}

/** How long its parts took; null where it is to end before its command was let run. */
async function launch(
  life: Life,
  run: RunRecord,
  { needs, signal }: { needs: Needs; signal: AbortSignal },
): Promise<Record<string, number> | null> {
  const timings: Record<string, number> = {};
  const measure = async <T>(name: string, part: Promise<T>): Promise<T> => {
    const partBeganMs = needs.clock.elapsedMs();
    const result = await part;
    timings[name] = round(needs.clock.elapsedMs() - partBeganMs);
    return result;
  };
  const plan = await planRun(life, run, needs);
  const { pid } = await measure("createMs", needs.isolation.create(plan, signal));
  life.knowledge = { status: "created", pid };

  const lease = leaseOf(life.record, run);
  const checked = assertRunnable(life, plan, needs);
  // Awaited below, also where the network fails first.
  checked.catch(() => undefined);
  if (lease !== null) await measure("networkMs", needs.network.attach({ ...lease, pid }));
  await checked;

  // On disk before the start: a daemon that finds nothing of the run then knows that it may have run.
  await life.commit((record) => (isToEnd(record) ? null : { saveRun: { ...run, released: true } }));
  if (life.run?.released !== true) return null;

  // Set before the start, so that word of an end that comes during it is not overwritten.
  life.knowledge = { status: "running", pid };
  await measure("startMs", needs.isolation.start(run.id));
  return timings;
}

async function planRun(life: Life, run: RunRecord, needs: Needs): Promise<RunPlan> {
  const { record } = life;
  const { spec } = record;
  const template = needs.templates.find(spec.template, run.templateVersion);
  if (template === null) throw new LaunchError("template", `Template "${spec.template}" is no more`);
  const wrong = await needs.templates.judge(template.name, template.version);
  if (wrong !== null)
    throw new LaunchError("template", `Template "${spec.template}" cannot be used: ${wrong}`);
  const { program } = record;
  if (program === null) throw new Error(`Cannot launch proc "${life.id}": nobody knows yet what it runs`);
  const image = program.digest === null ? null : needs.images.find(program.digest);
  if (program.digest !== null && image === null)
    throw new LaunchError("image", `Image "${program.digest}" is no more`);
  if (image !== null) needs.images.used(image.digest);
  const hostname = hostnameOf(spec);
  const slot = record.port === null ? null : run.slot;
  return {
    runId: run.id,
    procId: record.id,
    slot: run.slot,
    hostname,
    argv: argvOf(program.command),
    env: environmentOf(spec, { procId: record.id, port: record.port }),
    template,
    imageDir: image?.filesDir ?? null,
    limits: spec.limits,
    runtime: spec.runtime,
    network: spec.network,
    ...(await needs.network.nameFiles({ hostname, slot })),
    logFile: await needs.logs.prepare(record.id, { id: run.id, number: run.number }),
  };
}

/** Errors: LaunchError where one can tell before that the command cannot be executed. */
async function assertRunnable(life: Life, plan: RunPlan, { isolation }: Needs): Promise<void> {
  const { program, spec } = life.record;
  if (program === null) return;
  for (const name of programsOf(program.command)) {
    const wrong = await isolation.judgeCommand(plan, name);
    if (wrong !== null)
      throw new LaunchError("command", `Cannot run "${name}" on template "${spec.template}": it ${wrong}`);
  }
}

async function recordFailure(life: Life, fault: unknown, needs: Needs): Promise<void> {
  const message = fault instanceof Error ? fault.message : String(fault);
  needs.report(fault, { procId: life.id, runId: life.run?.id });
  const exit = failedStart(reasonOf(fault), message, needs.clock.now());
  await life.commit((record) => ({ saveProc: { ...record, exit, exitedAt: exit.at } }));
}

function reasonOf(fault: unknown): ExitReason {
  if (fault instanceof LaunchError) return fault.reason;
  const code = codeOf(fault) ?? (fault instanceof Error ? codeOf(fault.cause) : null);
  if (code === "ENOSPC" || code === "EDQUOT" || code === "disk-full") return "disk";
  if (code === "EMFILE" || code === "ENFILE" || code === "EAGAIN" || code === "ENOMEM") return "resources";
  return "runtime";
}

function codeOf(fault: unknown): unknown {
  return fault instanceof Error && "code" in fault ? fault.code : null;
}

function round(ms: number): number {
  return Math.round(ms * 10) / 10;
}
