import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { test } from "node:test";
import type { Event } from "../../src/client/client.ts";
import { until } from "../until.ts";
import { startDaemon } from "./harness.ts";
import { makePlaces, removePlaces } from "./places.ts";
import { eventsSoFar, isGone, runProc, untilExited, untilRunning } from "./proc-calls.ts";
import { type Delivery, startReceiver } from "./receiver.ts";

test("a callback is told every change of its proc, in order, with name, port and state as parameters", async () => {
  await using daemon = await startDaemon();
  await using receiver = await startReceiver();
  const { client } = daemon;
  const spec = { app: "told", name: "web.1", command: ["sleep", "1000"], callback: receiver.url };
  const { id, port } = await runProc(client, spec);
  await client.stopProc(id, { signal: "SIGKILL" });
  await untilExited(client, id);
  const states = ["init", "boot", "running", "stopping", "done"];
  await until("all of it is told", () => receiver.deliveries.length >= states.length);

  assert.deepEqual(withoutRepeats(receiver.deliveries).map(stateOf), states);
  for (const { method, query, event } of receiver.deliveries) {
    assert.equal(method, "POST");
    const { state } = event.proc;
    assert.deepEqual(query, { who: "test", name: "web.1", port: String(port), state });
  }
  assert.deepEqual(withoutRepeats(receiver.deliveries).map(eventId), idsOf(await eventsSoFar(client), id));
});

test("nothing is lost while the receiver is down and the daemon is killed", async () => {
  await using daemon = await startDaemon();
  const { client } = daemon;
  const first = await startReceiver();
  const receiverPort = Number(new URL(first.url).port);
  const spec = { app: "told", command: ["sleep", "1000"], callback: first.url };
  const procs = await Promise.all(["a", "b", "c"].map((name) => runProc(client, { ...spec, name })));
  await until("that they run is told", () => first.deliveries.filter(isOfState("running")).length >= 3);
  await first[Symbol.asyncDispose]();

  for (const { id } of procs) await client.stopProc(id, { signal: "SIGKILL" });
  for (const { id } of procs) await untilExited(client, id);
  await daemon.kill9();
  await daemon.start();
  const late = await client.createProc({ ...spec, name: "d" });
  await untilRunning(client, late.id);

  await using second = await startReceiver(receiverPort);
  await until("every end is told", () => second.deliveries.filter(isOfState("done")).length >= 3);
  await until("the late one is told", () => second.deliveries.some(isOfState("running")));
  const events = await eventsSoFar(client);
  for (const { id } of [...procs, late]) {
    const told = [...first.deliveries, ...second.deliveries].filter(({ event }) => event.proc.id === id);
    assert.deepEqual(withoutRepeats(told).map(eventId), idsOf(events, id));
  }
});

test("a proc that is deleted has its last state told", async () => {
  await using daemon = await startDaemon();
  await using receiver = await startReceiver();
  const { client } = daemon;
  const { id } = await runProc(client, { command: ["sleep", "1000"], callback: receiver.url });
  await client.deleteProc(id, { graceMs: 0 });
  await until("it is gone", () => isGone(client, id));
  await until("its end is told", () => receiver.deliveries.some(isOfState("done")));
});

test("what was given up or called off is listed, and made again when it is asked for", async () => {
  await using daemon = await startDaemon();
  const answer = { status: 410 };
  await using receiver = await startReceiver(0, () => answer.status);
  const { client } = daemon;
  const secret = `whsec_${Buffer.from("a key of twenty-four bytes").toString("base64")}`;
  const { id } = await runProc(client, {
    command: ["sleep", "1000"],
    callback: { url: receiver.url, secret },
  });
  const listed = async () => (await Array.fromAsync(client.allCallbacks(id))).map(statusOf);
  await until("all is called off", async () => {
    const statuses = await listed();
    return statuses.length === 3 && statuses.every((status) => status === "called-off");
  });
  assert.equal(receiver.deliveries.length, 1);

  answer.status = 204;
  const { seqs } = await client.replayCallbacks(id);
  await until("all is delivered", async () => (await listed()).every((status) => status === "delivered"));
  await client.stopProc(id, { graceMs: 0 });
  await until("its end is told", () => receiver.deliveries.some(isOfState("done")));
  const told = withoutRepeats(receiver.deliveries).map(stateOf);
  assert.deepEqual([seqs.length, told], [3, ["init", "boot", "running", "stopping", "done"]]);

  const key = Buffer.from(secret.slice("whsec_".length), "base64");
  for (const { headers, text } of receiver.deliveries) {
    const signed = `${headers["webhook-id"]}.${headers["webhook-timestamp"]}.${text}`;
    const signature = createHmac("sha256", key).update(signed).digest("base64");
    assert.equal(headers["webhook-signature"], `v1,${signature}`);
  }
  const shown = JSON.stringify([
    await client.getProc(id),
    await eventsSoFar(client),
    await listed(),
    daemon.log(),
  ]);
  assert.ok(!shown.includes(secret) && !shown.includes("who=test"));
});

test("old events go, and who asks for them is told so", async () => {
  const places = await makePlaces();
  try {
    await using daemon = await startDaemon({ places, env: { SHARKU_EVENTS_KEEP: "2" } });
    const { client } = daemon;
    const { id } = await runProc(client, { command: ["sleep", "1000"] });
    await client.stopProc(id, { graceMs: 0 });
    await untilExited(client, id);
    await daemon.stop();
    await daemon.start();
    const gaps: unknown[] = [];
    const read = async (after: number) =>
      (await Array.fromAsync(client.events({ after }, { onGap: (gap) => gaps.push(gap) }))).map(
        ({ seq }) => seq,
      );
    await until("the old ones are gone", async () => (await read(0)).length === 2);
    gaps.length = 0;
    assert.deepEqual([await read(1), await read(3), gaps], [[4, 5], [4, 5], [{ from: 2, to: 3 }]]);
    const headers = {
      authorization: `Bearer ${await daemon.token()}`,
      accept: "text/event-stream",
      "last-event-id": "1",
    };
    const answer = await fetch(`${daemon.baseUrl}/v1/events?follow=false`, { headers });
    const [first] = (await answer.text()).split("\n\n");
    // A browser that is cut off now goes on behind the gap.
    assert.equal(first, 'id: 3\ndata: {"gap":{"from":2,"to":3}}');
  } finally {
    await removePlaces(places);
  }
});

/** A delivery may come twice: what counts is the order in which each came first. */
function withoutRepeats(deliveries: readonly Delivery[]): Delivery[] {
  const ids = deliveries.map(eventId);
  return deliveries.filter((delivery, index) => ids.indexOf(eventId(delivery)) === index);
}

function idsOf(events: readonly Event[], procId: string): string[] {
  return events.filter((event) => event.procId === procId).map(({ id }) => id);
}

function isOfState(state: string): (delivery: Delivery) => boolean {
  return (delivery) => delivery.event.proc.state === state;
}

function eventId({ event }: Delivery): string {
  return event.id;
}

function stateOf({ event }: Delivery): string {
  return event.proc.state;
}

function statusOf({ status }: { readonly status: string }): string {
  return status;
}
