import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { withoutGaps } from "../src/client/events-gone.ts";
import type { EventRecord } from "../src/contract/event.ts";
import { EventJournal, LIVE_EVENTS_MAX } from "../src/events/journal.ts";
import { Retention } from "../src/events/retention.ts";
import { openStore } from "../src/store/store.ts";
import { ManualClock } from "./manual-clock.ts";
import { sampleEvent } from "./samples.ts";
import { until } from "./until.ts";

/** What those are told who ask for events that the journal has let go of; over the real store. */

const TIME = "2026-01-02T03:04:05.678Z";
const never = new AbortController().signal;

async function tempJournal() {
  const stateDir = await mkdtemp(join(tmpdir(), "sharku-journal-"));
  const store = await openStore({ stateDir });
  const journal = new EventJournal({ store });
  let count = 0;
  return {
    store,
    journal,
    happen: async (more: Partial<ReturnType<typeof sampleEvent>> & { app?: string } = {}) => {
      count += 1;
      const { app = "shop", ...fields } = more;
      const sample = sampleEvent(`e${count}`, fields.procId ?? "p", TIME);
      const event = await store.commit({ event: { ...sample, ...fields, proc: { ...sample.proc, app } } });
      assert(event);
      journal.publish(event);
    },
    keep: (eventsMax: number) => store.trimEvents({ eventsMax, before: "", limit: 10_000 }),
    [Symbol.asyncDispose]: async () => {
      journal.stop();
      await store.close();
      await rm(stateDir, { recursive: true, force: true });
    },
  };
}

async function take(records: AsyncIterable<EventRecord>, count = Number.POSITIVE_INFINITY) {
  const seen: (number | EventRecord)[] = [];
  for await (const record of records) {
    seen.push("gap" in record ? record : record.seq);
    if (seen.length >= count) break;
  }
  return seen;
}

function gap(from: number, to: number): EventRecord {
  return { gap: { from, to } };
}

test("follow() tells first of what is gone, and of nothing where nothing is", async () => {
  await using temp = await tempJournal();
  for (let count = 0; count < 9; count += 1) await temp.happen();
  await temp.keep(4);
  const read = (after: number) => take(temp.journal.follow({ after, follow: false, signal: never }));

  assert.deepEqual(await read(0), [gap(1, 5), 6, 7, 8, 9]);
  assert.deepEqual(await read(3), [gap(4, 5), 6, 7, 8, 9]);
  assert.deepEqual(await read(5), [6, 7, 8, 9]);
  assert.deepEqual(await read(9), []);
  await temp.keep(0);
  assert.deepEqual(await read(7), [gap(8, 9)]);
  const live = take(temp.journal.follow({ after: 8, follow: true, signal: never }), 2);
  await temp.happen();
  assert.deepEqual(await live, [gap(9, 9), 10]);
});

test("follow() tells a reader that fell behind what went before it came to it", async () => {
  await using temp = await tempJournal();
  const iterator = temp.journal.follow({ after: 0, follow: true, signal: never });
  await temp.happen();
  const first = await iterator.next();
  const total = LIVE_EVENTS_MAX + 50;
  for (let count = 1; count < total; count += 1) await temp.happen();
  await temp.keep(2);

  const rest = [(await iterator.next()).value, (await iterator.next()).value, (await iterator.next()).value];
  await iterator.return();
  assert.equal(first.value && "seq" in first.value && first.value.seq, 1);
  assert.deepEqual(
    rest.map((record) => (record && "seq" in record ? record.seq : record)),
    [gap(2, total - 2), total - 1, total],
  );
});

test("follow() of one proc tells of no gap where all of its history is there", async () => {
  await using temp = await tempJournal();
  await temp.happen({ procId: "old", type: "proc.created" });
  await temp.happen({ procId: "old" });
  await temp.happen({ procId: "new", type: "proc.created" });
  await temp.happen({ procId: "old" });
  await temp.keep(2);
  const read = (procId: string) =>
    take(temp.journal.follow({ after: 0, procId, follow: false, signal: never }));

  assert.deepEqual(await read("new"), [3]);
  assert.deepEqual(await read("old"), [gap(1, 2), 4]);
});

test("follow() gives what is wanted only, kept and to come", async () => {
  await using temp = await tempJournal();
  const happenAll = async () => {
    await temp.happen({ type: "proc.created" });
    await temp.happen({ app: "other" });
    await temp.happen({ procId: "q" });
  };
  await happenAll();
  const options = { after: 0, follow: true, signal: never };
  const readers = [
    take(temp.journal.follow({ ...options, app: "other" }), 2),
    take(temp.journal.follow({ ...options, type: "proc.created" }), 2),
    take(temp.journal.follow({ ...options, procId: "q", app: "shop" }), 2),
  ];
  await happenAll();
  assert.deepEqual(await Promise.all(readers), [
    [2, 5],
    [1, 4],
    [3, 6],
  ]);
});

test("withoutGaps() fails where what was gone on from is gone and nobody is told", async () => {
  async function* records(): AsyncGenerator<EventRecord> {
    yield gap(4, 6);
    yield { seq: 7, ...sampleEvent("e7", "p", TIME) };
  }
  const seqs = async (options: Parameters<typeof withoutGaps>[1]) =>
    (await Array.fromAsync(withoutGaps(records(), options))).map(({ seq }) => seq);

  const told: unknown[] = [];
  assert.deepEqual(await seqs({ query: { after: 3 }, onGap: (one) => told.push(one) }), [7]);
  assert.deepEqual(told, [{ from: 4, to: 6 }]);
  assert.deepEqual(await seqs({}), [7]);
  await assert.rejects(seqs({ query: { after: 3 } }), { name: "EventsGone", gap: { from: 4, to: 6 } });
});

test("Retention lets go at its start and again and again, and survives a store that refuses", async () => {
  await using temp = await tempJournal();
  const clock = new ManualClock(TIME);
  const reports: unknown[] = [];
  let refuses = false;
  const retention = new Retention({
    store: {
      trimEvents: async (ask) => {
        if (refuses) throw new Error("refused");
        return await temp.store.trimEvents(ask);
      },
    },
    clock,
    kept: { eventsMax: 2, ms: 3_600_000 },
    report: (fault) => reports.push(fault),
  });
  const first = async () => (await temp.store.eventRange()).firstSeq;
  for (let count = 0; count < 5; count += 1) await temp.happen();
  retention.start();
  await until("all but two are gone", async () => (await first()) === 4);

  refuses = true;
  await temp.happen();
  await until("it was refused", () => {
    clock.advance(60_000);
    return reports.length > 0;
  });
  refuses = false;
  await until("it lets go again", async () => {
    clock.advance(60_000);
    return (await first()) === 5;
  });
  await until("the rest is too old", async () => {
    clock.advance(3_600_000);
    return (await first()) === 7;
  });
  await retention.stop();
});
