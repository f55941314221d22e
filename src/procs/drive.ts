import { finalStates } from "../contract/states.ts";
import type { Life } from "./life.ts";
import { nextStep, type Step } from "./plan.ts";
import { followHealth } from "./run-health.ts";
import { type Tools, takeStep } from "./steps.ts";

/** A proc that has not come to rest after so many steps goes in circles, which is a fault of the daemon. */
const STEPS_MAX = 50;

/** Waits after a failed step, in milliseconds: doubled each time up to the longest. */
const FAULT_WAIT_MS = 200;
const FAULT_WAIT_MS_MAX = 60_000;

/** How long the record and log of an ended proc are kept, in milliseconds. */
export const RETENTION_MS = 24 * 3600 * 1000;

/** setTimeout takes no longer one; the proc then just looks again. */
const ALARM_MS_MAX = 2 ** 31 - 1;

/**
 * Drives a proc, inside its lane, step by step until there is nothing to do. Called whenever something may have
 * changed: a call of the API, word of an end, the end of a wait, the start of the daemon.
 */
export function drive(life: Life, tools: Tools): Promise<void> {
  return life.lane.run(() => driveToRest(life, tools));
}

async function driveToRest(life: Life, tools: Tools): Promise<void> {
  life.alarm?.abort();
  life.alarm = null;
  try {
    const restUntilMs = await stepUntilRest(life, tools).finally(() => passTurn(life, tools));
    life.faults = 0;
    if (restUntilMs !== null) setAlarm(life, tools, restUntilMs - nowMs(tools));
  } catch (fault) {
    life.faults += 1;
    // What was known may be wrong now; before the next try it is looked at again.
    if (!life.isForgotten && life.record.exit === null) life.knowledge = { status: "unknown" };
    tools.needs.report(fault, { procId: life.id, faults: life.faults });
    setAlarm(life, tools, Math.min(FAULT_WAIT_MS * 2 ** (life.faults - 1), FAULT_WAIT_MS_MAX));
  }
}

async function stepUntilRest(life: Life, tools: Tools): Promise<number | null> {
  for (let taken = 0; taken < STEPS_MAX; taken += 1) {
    followHealth(life, tools.needs);
    if (life.isForgotten) return null;
    const step = decide(life, tools);
    if (step.kind === "rest") return step.untilMs;
    // Without a turn it leaves its lane, so that a wish to end need not wait for the launches before it.
    if (step.kind === "launch" && !tools.launches.take(life, life.record.spec.runtime)) return null;
    await takeStep(life, tools, step);
  }
  throw new Error(`Cannot bring proc "${life.id}" to rest: ${STEPS_MAX} steps were not enough`);
}

/** One that waits for its turn keeps its place; one that has used it, or wants it no longer, gives it up. */
function passTurn(life: Life, tools: Tools): void {
  const isWaiting = !life.isForgotten && life.record.state === "boot" && life.knowledge.status === "fresh";
  if (!isWaiting) tools.launches.leave(life);
}

function decide(life: Life, tools: Tools): Step {
  return nextStep({
    record: life.record,
    run: life.run,
    knowledge: life.knowledge,
    fetching: life.fetching !== null,
    asked: life.asked,
    bootId: tools.needs.bootId,
    nowMs: nowMs(tools),
    retentionMs: RETENTION_MS,
  });
}

function setAlarm(life: Life, tools: Tools, ms: number): void {
  const alarm = new AbortController();
  life.alarm = alarm;
  tools.needs.clock.sleep(Math.min(Math.max(ms, 0), ALARM_MS_MAX), alarm.signal).then(
    () => void drive(life, tools),
    // Aborted: something else has happened first.
    () => undefined,
  );
}

function nowMs(tools: Tools): number {
  return tools.needs.clock.now().getTime();
}

/** Whether the proc has come to where nothing more will happen by itself. */
export function isOver(life: Life): boolean {
  return life.isForgotten || finalStates.includes(life.record.state);
}
