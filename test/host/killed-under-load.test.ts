import assert from "node:assert/strict";
import { randomInt } from "node:crypto";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import type { Event, ProcSpec, SharkuClient } from "../../src/client/client.ts";
import { stretched, until } from "../until.ts";
import { startDaemon, type TestDaemon } from "./harness.ts";
import { eventsSoFar } from "./proc-calls.ts";
import { type Delivery, startReceiver } from "./receiver.ts";

/** The daemon is killed so long after the first call of a burst, in milliseconds: at some moment up to this. */
const KILL_MS_MAX = stretched(800);
const BURST = 6;

/** Events that tell of no change of the proc's state have no callback. */
const untold: readonly Event["type"][] = ["proc.deleted"];

test("killed at any moment under load, the journal has no gap and each change is told once it is so, in order", async () => {
  await using daemon = await startDaemon();
  const { client } = daemon;
  const first = await startReceiver();
  const port = Number(new URL(first.url).port);
  await first[Symbol.asyncDispose]();

  // The receiver is down, then it fails, then all is well.
  const moments = [await burstAndKill(daemon, { url: first.url, round: "down" })];
  const answer = { status: 500 };
  await using receiver = await startReceiver(port, () => answer.status);
  moments.push(await burstAndKill(daemon, { url: first.url, round: "failing" }));
  answer.status = 204;
  moments.push(await burstAndKill(daemon, { url: first.url, round: "well" }));
  await daemon.deleteAll();

  const events = await eventsSoFar(client);
  const about = `killed after ${moments.join(", ")} ms`;
  assert.deepEqual(
    events.map(({ seq }) => seq),
    events.map((_, index) => index + 1),
    about,
  );
  const wanted = Map.groupBy(
    events.filter(({ type }) => !untold.includes(type)),
    ({ procId }) => procId,
  );
  const taken = () =>
    new Set(receiver.deliveries.filter(({ status }) => status === 204).map(({ event }) => event.id));
  await until(`all is told, ${about}`, () => {
    const ids = taken();
    return [...wanted.values()].flat().every(({ id }) => ids.has(id));
  });
  for (const [procId, history] of wanted) {
    const told = withoutRepeats(receiver.deliveries.filter(({ event }) => event.proc.id === procId));
    // Whole, so that nothing was told that never was.
    assert.deepEqual(
      told.map(({ event }) => event),
      history.map(({ procId: _, ...event }) => event),
      `${procId}, ${about}`,
    );
  }
});

/** Creates, stops and deletes at once, and kills the daemon amid that. Answers with the moment. */
async function burstAndKill(
  daemon: TestDaemon,
  { url, round }: { url: string; round: string },
): Promise<number> {
  const { client } = daemon;
  const momentMs = randomInt(KILL_MS_MAX);
  const lives = Array.from({ length: BURST }, (_, index) =>
    live(client, { id: `${round}-${index}`, url, index }),
  );
  const over = Promise.allSettled(lives);
  await sleep(momentMs);
  await daemon.kill9();
  await over;
  await daemon.start();
  return momentMs;
}

async function live(
  client: SharkuClient,
  { id, url, index }: { id: string; url: string; index: number },
): Promise<void> {
  const command = index % 2 === 0 ? ["sleep", "1000"] : ["true"];
  const spec: ProcSpec = { app: "load", name: `p.${index}`, command, callback: { url, secret: "a secret" } };
  await client.putProc(id, spec);
  await client.waitProc(id, { until: "running" });
  if (index % 3 === 0) await client.stopProc(id, { graceMs: 0 });
  if (index % 3 === 1) await client.deleteProc(id, { graceMs: 0 });
}

/** A delivery may come twice: what counts is the order in which each came first. */
function withoutRepeats(deliveries: readonly Delivery[]): Delivery[] {
  const ids = deliveries.map(({ event }) => event.id);
  return deliveries.filter(({ event }, index) => ids.indexOf(event.id) === index);
}
