import { finalStates, goodReasons } from "../contract/states.ts";
import type { Figures } from "../contract/stats.ts";
import type { FifoPool } from "../lib/fifo-pool.ts";
import { expire } from "./end-run.ts";
import { failedStart, judgeEnd } from "./exits.ts";
import { beginFetch } from "./fetch-image.ts";
import { healthAtStart } from "./health-view.ts";
import { launchRun } from "./launch-run.ts";
import type { Launches } from "./launches.ts";
import { leaseOf } from "./lease.ts";
import type { Life } from "./life.ts";
import { logTailOf } from "./log-tail.ts";
import type { Needs } from "./needs.ts";
import type { Step } from "./plan.ts";
import type { ProcRecord, RunRecord } from "./record.ts";
import { afterEnd } from "./restart-policy.ts";

/** What the executors share besides the needs. */
export interface Tools {
  readonly needs: Needs;
  readonly slots: FifoPool;
  /** Bounds how many runs are launched at once. */
  readonly launches: Launches;
  /** Goes on with a proc after something has come about. */
  readonly drive: (life: Life) => void;
}

type DoneStep = Exclude<Step, { kind: "rest" }>;
type Executors = {
  [K in DoneStep["kind"]]: (life: Life, tools: Tools, step: Extract<DoneStep, { kind: K }>) => Promise<void>;
};

/** One executor for each step: it does the thing, puts it on record, and has no opinion on what comes next. */
const executors: Executors = {
  look: async (life, { needs }) => {
    const { id } = runOf(life);
    life.knowledge = await needs.isolation.look(id);
    if (life.knowledge.status !== "running") return;
    // A daemon that died while it changed them may have left others than those on record.
    await needs.isolation
      .applyLimits(id, life.record.spec.limits)
      .catch((fault: unknown) => needs.report(fault, { procId: life.id, runId: id }));
  },

  fetch: async (life, tools) => {
    if (life.record.state !== "boot") await life.move("boot", begunAgain(life.record));
    beginFetch(life, tools);
  },

  boot: async (life, tools) => {
    await beginRun(life, tools);
  },

  launch: async (life, { needs }) => {
    await launchRun(life, needs);
  },

  again: async (life, tools) => {
    const run = runOf(life);
    await giveBack(life.record, run, tools.needs);
    await life.commit({ deleteRun: run.id });
    tools.slots.release(run.slot);
    await beginRun(life, tools);
  },

  adopt: async (life, { needs }) => {
    const startedAt = needs.clock.now().toISOString();
    await life.move("running", { startedAt, health: healthAtStart(life.record.spec, startedAt) });
  },

  expire: async (life, { needs }) => {
    await expire(life, needs);
  },

  stop: async (life) => {
    await life.move("stopping");
  },

  ask: async (life, { needs }) => {
    const { stopping, spec } = life.record;
    const { id } = runOf(life);
    const signal = stopping?.signal ?? spec.stop.signal;
    if (spec.stop.target === "all") await needs.isolation.signalAll(id, signal);
    else await needs.isolation.signal(id, signal);
    life.asked = true;
  },

  kill: async (life, { needs }) => {
    await needs.isolation.kill(runOf(life).id);
    life.knowledge = { status: "unknown" };
  },

  end: async (life, { needs }, seen) => {
    life.fetching?.abort();
    const now = needs.clock.now();
    const judge = (record: ProcRecord) =>
      judgeEnd(record, { ...seen, begun: life.run?.released === true }, now);
    const logTail = goodReasons.includes(judge(life.record).reason) ? [] : await logTailOf(life, needs);
    await life.commit((record) => {
      const exit = { ...judge(record), ...(logTail.length > 0 && { logTail }) };
      return { saveProc: { ...record, exit, exitedAt: exit.at, lastFigures: figuresOf(life) } };
    });
  },

  settle: async (life, tools) => {
    await settle(life, tools);
  },

  forget: async (life, { needs }) => {
    await needs.logs.remove(life.id);
    await life.forget();
  },
};

export async function takeStep(life: Life, tools: Tools, step: DoneStep): Promise<void> {
  // The table has for each kind the executor of that very kind, which tsc cannot follow through the index.
  const execute = executors[step.kind] as (life: Life, tools: Tools, step: DoneStep) => Promise<void>;
  await execute(life, tools, step);
}

/** Writes the run's row before anything is taken in its name. */
async function beginRun(life: Life, { needs, slots }: Tools): Promise<void> {
  const slot = slots.acquire();
  const now = needs.clock.now();
  if (slot === null) {
    const exit = failedStart("resources", "No room for another proc on this host", now);
    await life.commit((record) => ({ saveProc: { ...record, exit, exitedAt: exit.at } }));
    return;
  }
  const number = life.record.runs + 1;
  const run: RunRecord = {
    id: needs.randomId(),
    procId: life.id,
    number,
    slot,
    bootId: needs.bootId,
    released: false,
    createdAt: now.toISOString(),
    templateVersion: needs.templates.find(life.record.spec.template)?.version ?? "",
  };
  try {
    if (life.record.state === "boot")
      await life.commit((record) => ({ saveProc: { ...record, runs: number }, saveRun: run }));
    else await life.move("boot", { runs: number, ...begunAgain(life.record) }, { saveRun: run });
  } catch (fault) {
    slots.release(slot);
    throw fault;
  }
  life.knowledge = { status: "fresh" };
  life.asked = false;
}

/** What a start changes in the record of a proc that has waited for it. */
function begunAgain({ state, restarts }: ProcRecord): Partial<ProcRecord> {
  return state === "backoff" ? { restarts: restarts + 1, nextRestartAt: null } : {};
}

/**
 * The state that the end leads to is told only after everything is back. What cannot be given back keeps the row, and
 * with it the slot; the same step is then taken again, after the state has been told.
 */
async function settle(life: Life, { needs, slots }: Tools): Promise<void> {
  const { record, run } = life;
  const failure = run === null ? null : await tryGiveBack(record, run, needs);
  const gone = run !== null && failure === null ? { deleteRun: run.id } : {};
  // One that waits for its next run has told of this one's end before.
  if (finalStates.includes(record.state) || record.exit === null) await life.commit(gone);
  else await life.moveOn((before) => afterEnd(before, endingOf(life, needs)), gone);
  if (failure !== null) throw failure;
  if (run !== null) slots.release(run.slot);
  // The proc's record may live for a day; its port is another's as soon as its last run has given it back.
  if (record.port !== null && finalStates.includes(life.record.state)) needs.network.releasePort(record.port);
}

function endingOf({ record, run }: Life, { clock, randomFraction }: Needs) {
  const { exit } = record;
  if (exit === null) throw new Error(`Cannot settle proc "${record.id}": it has not ended`);
  return { exit, run, now: clock.now(), fraction: randomFraction() };
}

/** Null where everything is back. */
async function tryGiveBack(record: ProcRecord, run: RunRecord, needs: Needs): Promise<Error | null> {
  try {
    await giveBack(record, run, needs);
    return null;
  } catch (fault) {
    return new Error(`Cannot give back run "${run.id}" of proc "${record.id}"`, { cause: fault });
  }
}

/** Gives back all that a run holds; repeating it is fine. */
async function giveBack(record: ProcRecord, run: RunRecord, { isolation, network }: Needs): Promise<void> {
  await isolation.destroy(run.id);
  const lease = leaseOf(record, run);
  if (lease !== null) await network.detach(lease);
}

/** As they were seen at the end. */
function figuresOf({ knowledge }: Life): Figures | null {
  return knowledge.status === "exited" ? (knowledge.figures ?? null) : null;
}

function runOf(life: Life): RunRecord {
  if (life.run === null) throw new Error(`Cannot work on a run of proc "${life.id}": it has none`);
  return life.run;
}
