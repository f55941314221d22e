import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { test } from "node:test";
import { sampleEvent, sampleProc } from "../../test/samples.ts";
import { migrations } from "./migrations/migrations.ts";
import { openDatabase } from "./open-database.ts";
import { openStore, type Store } from "./store.ts";

/** What leaves the journal and the outbox, and what of it can be had back. */

const RECEIVER = "http://127.0.0.1:9/hook?token=canary-of-the-url";
const SECRET = "canary-of-the-secret";
const OLD = "2026-01-01T00:00:00.000Z";
const NEW = "2026-01-08T00:00:00.000Z";
const delivered = { outcome: "delivered", word: "status 204", at: Date.parse(NEW) } as const;
const givenUp = { outcome: "given-up", word: "status 500", at: Date.parse(NEW) } as const;
const everything = { now: 0, limit: 100, perTarget: 100, skipSeqs: [], skipTargets: [], afterTarget: "" };

async function tempStore() {
  const stateDir = await mkdtemp(join(tmpdir(), "sharku-store-"));
  const store = await openStore({ stateDir });
  return {
    store,
    stateDir,
    [Symbol.asyncDispose]: async () => {
      await store.close();
      await rm(stateDir, { recursive: true, force: true });
    },
  };
}

/** Events e1, e2 … at these times, each with a callback where one is named. */
async function happen(store: Store, times: readonly string[], callbackUrl: string | null = null) {
  for (const [index, time] of times.entries())
    await store.commit({
      saveProc: sampleProc("p"),
      event: sampleEvent(`e${index + 1}`, "p", time),
      ...{ callbackUrl, callbackSecrets: callbackUrl === null ? [] : [SECRET] },
    });
}

async function journalOf(store: Store) {
  const { events, firstSeq } = await store.readEvents({ after: 0, limit: 1000 });
  return { seqs: events.map(({ seq }) => seq), firstSeq };
}

test("trimEvents() lets go of the oldest by number and by age, in steps, and never leaves a hole", async () => {
  await using temp = await tempStore();
  const { store } = temp;
  await happen(store, [OLD, OLD, OLD, NEW, NEW, NEW, NEW]);
  const none = { eventsMax: 100, before: "2025-01-01T00:00:00.000Z", limit: 2 };
  assert.equal(await store.trimEvents(none), false);
  assert.deepEqual(await journalOf(store), { seqs: [1, 2, 3, 4, 5, 6, 7], firstSeq: 1 });

  const byAge = { ...none, before: "2026-01-05T00:00:00.000Z" };
  assert.equal(await store.trimEvents(byAge), true);
  assert.deepEqual(await journalOf(store), { seqs: [3, 4, 5, 6, 7], firstSeq: 3 });
  assert.equal(await store.trimEvents(byAge), false);
  assert.deepEqual(await journalOf(store), { seqs: [4, 5, 6, 7], firstSeq: 4 });

  assert.equal(await store.trimEvents({ ...none, eventsMax: 2 }), true);
  assert.equal(await store.trimEvents({ ...none, eventsMax: 2 }), false);
  assert.deepEqual(await journalOf(store), { seqs: [6, 7], firstSeq: 6 });
  const event = await store.commit({ event: sampleEvent("next", "p", NEW) });
  assert.equal(event?.seq, 8);
});

test("trimEvents() of all that there is keeps the count going, also over a restart", async () => {
  await using temp = await tempStore();
  await happen(temp.store, [OLD, OLD]);
  await temp.store.trimEvents({ eventsMax: 100, before: NEW, limit: 10 });
  assert.deepEqual(await journalOf(temp.store), { seqs: [], firstSeq: 3 });
  await temp.store.close();

  const again = await openStore({ stateDir: temp.stateDir });
  const event = await again.commit({ event: sampleEvent("next", "p", NEW) });
  const journal = await journalOf(again);
  await again.close();
  assert.equal(event?.seq, 3);
  assert.deepEqual(journal, { seqs: [3], firstSeq: 3 });
});

test("a callback that waits keeps its event, told to nobody else, until it is delivered", async () => {
  await using temp = await tempStore();
  const { store } = temp;
  await happen(store, [OLD, OLD, OLD], RECEIVER);
  const trim = () => store.trimEvents({ eventsMax: 1, before: OLD, limit: 10 });
  await trim();
  assert.deepEqual(await journalOf(store), { seqs: [3], firstSeq: 3 });

  const seen: [string | undefined, readonly string[] | undefined][] = [];
  for (const seq of [1, 2, 3]) {
    const { due } = await store.dueCallbacks(everything);
    seen.push([due[0]?.event.id, due[0]?.secrets]);
    await store.callbackDone(seq, delivered);
  }
  assert.deepEqual(seen, [
    ["e1", [SECRET]],
    ["e2", [SECRET]],
    ["e3", [SECRET]],
  ]);
  assert.deepEqual(
    (await store.listDeliveries({ procId: "p", after: 0, limit: 10 })).map(({ seq }) => seq),
    [3],
  );
});

test("what was given up stays longer than the journal, and goes by age, with its secret", async () => {
  await using temp = await tempStore();
  const { store } = temp;
  await happen(store, [OLD, OLD, OLD], RECEIVER);
  await store.callbackDone(1, givenUp);
  await store.callbackDone(2, delivered);
  await store.callbackDone(3, delivered);
  await store.commit({ deleteProc: "p" });
  const list = async () =>
    (await store.listDeliveries({ procId: "p", after: 0, limit: 10 })).map(({ seq, status }) => [
      seq,
      status,
    ]);

  await store.trimEvents({ eventsMax: 100, before: "2026-01-05T00:00:00.000Z", limit: 10 });
  assert.deepEqual(await list(), [[1, "given-up"]]);
  assert.deepEqual(await store.replayCallbacks({ procId: "p", wanted: {}, limit: 10, at: 7 }), [1]);
  assert.deepEqual((await store.dueCallbacks(everything)).due[0]?.secrets, [SECRET]);
  await store.callbackDone(1, givenUp);

  await store.trimEvents({ eventsMax: 100, before: "2026-01-09T00:00:00.000Z", limit: 10 });
  assert.deepEqual(await list(), []);
  await store.close();
  assert.equal(rowsOf(temp.stateDir, "callback_secrets"), 0);
  assert.equal(rowsOf(temp.stateDir, "events"), 0);
});

test("replayCallbacks() puts back what was asked for, behind what waits and before what comes", async () => {
  await using temp = await tempStore();
  const { store } = temp;
  await happen(store, [OLD, OLD, OLD, OLD], RECEIVER);
  await store.callbackDone(1, delivered);
  await store.callbackDone(2, givenUp);

  const replay = (wanted: object) => store.replayCallbacks({ procId: "p", wanted, limit: 10, at: 77 });
  assert.deepEqual(await replay({}), [2]);
  assert.deepEqual(await replay({}), []);
  assert.deepEqual(await replay({ from: 1, to: 3 }), [1]);
  assert.deepEqual(await replay({ seqs: [3, 99] }), []);
  await store.commit({ event: sampleEvent("later", "p", NEW), callbackUrl: RECEIVER });

  const order: string[] = [];
  for (
    let { due } = await store.dueCallbacks(everything);
    due[0];
    { due } = await store.dueCallbacks(everything)
  ) {
    assert.equal(due.length, 1, "one at a time");
    order.push(`${due[0].event.id} since ${due[0].since}`);
    await store.callbackDone(due[0].event.seq, delivered);
  }
  const again = "since 1970-01-01T00:00:00.077Z";
  assert.deepEqual(order, [
    `e3 since ${OLD}`,
    `e4 since ${OLD}`,
    `e1 ${again}`,
    `e2 ${again}`,
    `later since ${NEW}`,
  ]);
});

test("listDeliveries() tells each event's delivery, and nothing of URL and secret but the host", async () => {
  await using temp = await tempStore();
  const { store } = temp;
  await happen(store, [OLD, OLD, OLD, OLD], RECEIVER);
  await store.callbackFailed(1, { nextAttemptAt: 5000, error: "status 500", at: 4000 });
  await store.callbackDone(1, { ...delivered, at: 6000 });
  await store.callbackFailed(2, { nextAttemptAt: 9000, error: "ECONNREFUSED", at: 8000 });

  const all = await store.listDeliveries({ procId: "p", after: 0, limit: 10 });
  const [first, second, third] = all;
  assert.deepEqual(first, {
    ...{ seq: 1, id: "e1", type: "proc.state", state: "running", time: OLD, host: "127.0.0.1:9" },
    ...{ status: "delivered", attempts: 2, lastWord: "status 204", nextAttemptAt: null },
    ...{ lastAttemptAt: "1970-01-01T00:00:06.000Z", deliveredAt: "1970-01-01T00:00:06.000Z" },
  });
  assert.deepEqual(
    [second?.status, second?.attempts, second?.lastWord, second?.lastAttemptAt, second?.nextAttemptAt],
    ["waiting", 1, "ECONNREFUSED", "1970-01-01T00:00:08.000Z", "1970-01-01T00:00:09.000Z"],
  );
  assert.deepEqual(
    [third?.status, third?.attempts, third?.lastWord, third?.deliveredAt],
    ["waiting", 0, null, null],
  );
  assert.doesNotMatch(JSON.stringify(all), /canary/);
  const page = await store.listDeliveries({ procId: "p", after: 1, limit: 2 });
  assert.deepEqual(
    page.map(({ seq }) => seq),
    [2, 3],
  );

  await store.dropCallbacks({ procId: "p", url: RECEIVER, word: "status 410", at: 9000 });
  const after = await store.listDeliveries({ procId: "p", after: 1, limit: 10 });
  assert.deepEqual(
    after.map(({ status, attempts, lastWord }) => [status, attempts, lastWord]),
    [
      ["called-off", 2, "status 410"],
      ["called-off", 0, null],
      ["called-off", 0, null],
    ],
  );
  await store.replayCallbacks({ procId: "p", wanted: { from: 4 }, limit: 10, at: 1 });
  await store.commit({ event: sampleEvent("wanted again", "p", NEW), callbackUrl: RECEIVER });
  const { due } = await store.dueCallbacks(everything);
  assert.deepEqual(
    due.map(({ event }) => event.id),
    ["e4"],
  );
});

test("the database of the version before is taken on, with its procs and what waits in its outbox", async () => {
  const stateDir = await mkdtemp(join(tmpdir(), "sharku-store-"));
  try {
    const at = migrations.findIndex(({ name }) => name.endsWith("callback-log"));
    const old = openDatabase(join(stateDir, "sharku.db"), migrations.slice(0, at));
    const { callbackSecrets: _, ...spec } = sampleProc("p").spec;
    old
      .prepare("INSERT INTO procs (id, state, record) VALUES ('p', 'init', ?)")
      .run(JSON.stringify({ ...sampleProc("p"), spec }));
    const body = JSON.stringify(sampleEvent("e1", "p").proc);
    for (const seq of [1, 2]) {
      old
        .prepare(
          "INSERT INTO events (seq, id, type, time, proc_id, body) VALUES (?, ?, 'proc.state', ?, 'p', ?)",
        )
        .run(seq, `e${seq}`, OLD, body);
      old
        .prepare(
          `INSERT INTO callbacks (event_seq, proc_id, url, target, attempts, next_attempt_at)
           VALUES (?, 'p', ?, 'http://127.0.0.1:9', 3, ?)`,
        )
        .run(seq, RECEIVER, seq === 1 ? 0 : null);
    }
    old.exec("UPDATE meta SET value = '2' WHERE key = 'last_seq'");
    old.close();

    const store = await openStore({ stateDir });
    const { procs } = await store.load();
    const first = await store.dueCallbacks(everything);
    await store.callbackDone(1, delivered);
    const second = await store.dueCallbacks(everything);
    const kept = await store.listDeliveries({ procId: "p", after: 0, limit: 10 });
    await store.close();

    assert.deepEqual(procs[0]?.spec.callbackSecrets, []);
    assert.deepEqual(
      [...first.due, ...second.due].map(({ event, attempts }) => [event.id, attempts]),
      [
        ["e1", 3],
        ["e2", 3],
      ],
    );
    assert.deepEqual(
      kept.map(({ status, attempts }) => [status, attempts]),
      [
        ["delivered", 4],
        ["waiting", 3],
      ],
    );
  } finally {
    await rm(stateDir, { recursive: true, force: true });
  }
});

function rowsOf(stateDir: string, table: string): number {
  const database = new DatabaseSync(join(stateDir, "sharku.db"));
  const row = database.prepare(`SELECT count(*) AS count FROM ${table}`).get();
  database.close();
  return Number(row?.["count"]);
}
