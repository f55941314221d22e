import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import type { EventRecord } from "../src/contract/event.ts";
import { EventJournal, LIVE_EVENTS_MAX, PAGE_EVENTS } from "../src/events/journal.ts";
import { openStore } from "../src/store/store.ts";
import { sampleEvent } from "./samples.ts";
import { until } from "./until.ts";

/** The events room's journal over the real store. */

async function tempJournal() {
  const stateDir = await mkdtemp(join(tmpdir(), "sharku-journal-"));
  const store = await openStore({ stateDir });
  const journal = new EventJournal({ store });
  let count = 0;
  return {
    journal,
    happen: async (procId: string) => {
      count += 1;
      const event = await store.commit({ event: sampleEvent(`e${count}`, procId) });
      assert(event);
      journal.publish(event);
    },
    [Symbol.asyncDispose]: async () => {
      journal.stop();
      await store.close();
      await rm(stateDir, { recursive: true, force: true });
    },
  };
}

const never = new AbortController().signal;

function numbers(from: number, to: number): number[] {
  return Array.from({ length: to - from + 1 }, (_, index) => from + index);
}

function seqOf(record: EventRecord | undefined): number {
  assert(record && !("gap" in record), `no event, but ${JSON.stringify(record)}`);
  return record.seq;
}

async function take(events: AsyncIterable<EventRecord>, count = Number.POSITIVE_INFINITY): Promise<number[]> {
  const seqs: number[] = [];
  for await (const record of events) {
    seqs.push(seqOf(record));
    if (seqs.length >= count) break;
  }
  return seqs;
}

test("follow() gives what is kept, page by page, and ends", async () => {
  await using temp = await tempJournal();
  const total = PAGE_EVENTS * 2 + 3;
  await Promise.all(numbers(1, total).map((number) => temp.happen(number % 2 === 0 ? "even" : "odd")));

  const { journal } = temp;
  assert.deepEqual(await take(journal.follow({ after: 0, follow: false, signal: never })), numbers(1, total));
  assert.deepEqual(await take(journal.follow({ after: total - 2, follow: false, signal: never })), [
    total - 1,
    total,
  ]);
  assert.deepEqual(await take(journal.follow({ after: total + 5, follow: false, signal: never })), []);
  assert.deepEqual(
    await take(journal.follow({ after: 0, follow: false, signal: never, procId: "even" })),
    numbers(1, total).filter((number) => number % 2 === 0),
  );
});

test("follow() gives readers that begin at any moment every event once, in order", async () => {
  await using temp = await tempJournal();
  const total = 600;
  const readers: Promise<number[]>[] = [];
  const begin = (after: number) =>
    readers.push(take(temp.journal.follow({ after, follow: true, signal: never }), total - after));

  begin(0);
  for (let done = 0; done < total; done += 20) {
    const happening = Promise.all(numbers(1, 20).map(() => temp.happen("p")));
    begin(Math.max(0, done - 7));
    await happening;
    begin(done);
  }
  const seen = await Promise.all(readers);

  for (const seqs of seen) assert.deepEqual(seqs, numbers(seqs[0] ?? 0, total));
  assert.equal(seen[0]?.length, total);
});

test("follow() gives a reader that fell behind its buffer what it missed", async () => {
  await using temp = await tempJournal();
  const iterator = temp.journal.follow({ after: 0, follow: true, signal: never });
  await temp.happen("p");
  assert.equal(seqOf((await iterator.next()).value ?? undefined), 1);

  const total = LIVE_EVENTS_MAX * 3;
  for (const _ of numbers(2, total)) await temp.happen("p");
  const seqs = [1];
  while (seqs.length < total) seqs.push(seqOf((await iterator.next()).value ?? undefined));
  const live = iterator.next();
  await temp.happen("p");

  assert.deepEqual(seqs, numbers(1, total));
  assert.equal(seqOf((await live).value ?? undefined), total + 1);
  await iterator.return();
});

test("follow() of one proc is not woken, nor fed, by others", async () => {
  await using temp = await tempJournal();
  const reader = take(temp.journal.follow({ after: 0, follow: true, signal: never, procId: "mine" }), 2);

  for (const procId of ["other", "mine", "other", "other", "mine"]) await temp.happen(procId);

  assert.deepEqual(await reader, [2, 5]);
});

test("follow() ends quietly when its signal says so, and when the journal stops", async () => {
  await using temp = await tempJournal();
  const { signal, abort } = withAbort();
  const seen: number[] = [];
  const read = async (own: AbortSignal) => {
    for await (const record of temp.journal.follow({ after: 0, follow: true, signal: own }))
      seen.push(seqOf(record));
  };
  const [cut, stopped] = [read(signal), read(never)];
  await temp.happen("p");
  await until("both have read", () => seen.length === 2);

  abort();
  await cut;
  await temp.happen("p");
  await until("the other one goes on", () => seen.length === 3);
  temp.journal.stop();
  await stopped;

  assert.deepEqual(await take(temp.journal.follow({ after: 0, follow: true, signal })), []);
});

function withAbort() {
  const controller = new AbortController();
  return { signal: controller.signal, abort: () => controller.abort() };
}
