import assert from "node:assert/strict";
import { test } from "node:test";
import { until } from "../until.ts";
import { startDaemon } from "./harness.ts";
import { eventsSoFar, untilExited } from "./proc-calls.ts";

const ROUNDS = 4;
const BURST = 5;

test("whoever lists the procs amid changes and follows from the list's number misses none and sees none twice", async () => {
  await using daemon = await startDaemon();
  const { client } = daemon;
  const over = new AbortController();
  const watchers: { seq: number; states: Map<string, string>; seen: number[]; done: Promise<void> }[] = [];
  const watch = async () => {
    const { items, seq } = await client.listProcs({ limit: 1000 });
    const states = new Map(items.map(({ id, state }) => [id, state as string]));
    const seen: number[] = [];
    const follow = async () => {
      for await (const event of client.events({ after: seq, follow: true }, { signal: over.signal })) {
        seen.push(event.seq);
        if (event.type === "proc.deleted") states.delete(event.procId);
        else states.set(event.procId, event.proc.state);
      }
    };
    watchers.push({ seq, states, seen, done: follow() });
  };

  for (let round = 0; round < ROUNDS; round += 1) {
    const burst = Array.from({ length: BURST }, async (_, index) => {
      const { id } = await client.createProc({ app: "watched", name: `p.${index}`, command: ["true"] });
      await untilExited(client, id);
      if (index % 2 === 0) await client.deleteProc(id);
    });
    await Promise.all([...burst, watch(), client.listProcs().then(watch)]);
  }
  await until("what is deleted is gone", async () => {
    const { items } = await client.listProcs({ limit: 1000 });
    return items.length === ROUNDS * Math.floor(BURST / 2);
  });
  const events = await eventsSoFar(client);
  const last = events.at(-1)?.seq ?? 0;
  const now = new Map((await client.listProcs({ limit: 1000 })).items.map(({ id, state }) => [id, state]));
  await until("everybody has seen the last", () =>
    watchers.every(({ seq, seen }) => (seen.at(-1) ?? seq) === last),
  );
  over.abort();
  await Promise.all(watchers.map(({ done }) => done));

  assert.equal(watchers.length, 2 * ROUNDS);
  for (const { seq, states, seen } of watchers) {
    assert.deepEqual(
      seen,
      Array.from({ length: last - seq }, (_, index) => seq + 1 + index),
    );
    assert.deepEqual(new Map([...states].sort()), new Map([...now].sort()));
  }
});
