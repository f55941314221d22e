import assert from "node:assert/strict";
import { mkdtemp, readFile, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { test } from "node:test";
import { Worker } from "node:worker_threads";
import { sampleEvent, sampleProc, sampleRun } from "../../test/samples.ts";
import { Reserve } from "./reserve.ts";
import { openStore, Store } from "./store.ts";

async function tempDir() {
  const path = await mkdtemp(join(tmpdir(), "sharku-store-"));
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) };
}

async function tempStore() {
  const dir = await tempDir();
  const store = await openStore({ stateDir: dir.path });
  return {
    store,
    stateDir: dir.path,
    [Symbol.asyncDispose]: async () => {
      await store.close();
      await dir[Symbol.asyncDispose]();
    },
  };
}

const RECEIVER = "http://127.0.0.1:9/hook?token=canary-of-the-url";

const delivered = { outcome: "delivered", word: "status 204", at: 6000 } as const;

function dueQuery(now: number): Parameters<Store["dueCallbacks"]>[0] {
  return { now, limit: 100, perTarget: 100, skipSeqs: [], skipTargets: [], afterTarget: "" };
}

test("commit() keeps a record, its run and its event, and a later opening finds them", async () => {
  await using dir = await tempDir();
  const proc = sampleProc("p1");
  const run = sampleRun("r1", { procId: "p1", slot: 3 });

  const store = await openStore({ stateDir: dir.path });
  const event = await store.commit({ saveProc: proc, saveRun: run, event: sampleEvent("e1", "p1") });
  await store.setMeta("instance", "abc123");
  await store.close();
  const again = await openStore({ stateDir: dir.path });
  const loaded = await again.load();
  const kept = {
    events: (await again.readEvents({ after: 0, limit: 10 })).events,
    meta: await again.getMeta("instance"),
  };
  await again.close();

  assert.deepEqual(loaded, { procs: [proc], runs: [run], seq: 1 });
  assert.deepEqual(event, { seq: 1, ...sampleEvent("e1", "p1") });
  assert.deepEqual(kept, { events: [event], meta: "abc123" });
});

test("commit() answers null for a change without an event, and replaces and deletes what it names", async () => {
  await using temp = await tempStore();
  const { store } = temp;

  assert.equal(
    await store.commit({ saveProc: sampleProc("p1"), saveRun: sampleRun("r1", { procId: "p1", slot: 0 }) }),
    null,
  );
  await store.commit({ saveProc: sampleProc("p1", { state: "boot" }) });
  const between = await store.load();
  await store.commit({ deleteRun: "r1", deleteProc: "p1" });

  assert.deepEqual(
    between.procs.map(({ state }) => state),
    ["boot"],
  );
  assert.equal(between.runs.length, 1);
  assert.deepEqual(await store.load(), { procs: [], runs: [], seq: 0 });
});

test("commit() lets one change of many fail alone, without a gap in the numbers", async () => {
  await using temp = await tempStore();
  const { store } = temp;
  await store.commit({ saveProc: sampleProc("p"), saveRun: sampleRun("r", { procId: "p", slot: 7 }) });

  const answers = await Promise.allSettled(
    Array.from({ length: 20 }, (_, index) =>
      store.commit({
        event: sampleEvent(`e${index}`, "p"),
        // The slot of another run, every fifth time: after the event was numbered.
        ...(index % 5 === 0 ? { saveRun: sampleRun(`r${index}`, { procId: "p", slot: 7 }) } : {}),
      }),
    ),
  );

  const rejected = answers.flatMap((answer, index) => (answer.status === "rejected" ? [index] : []));
  const { events } = await store.readEvents({ after: 0, limit: 100 });
  assert.deepEqual(rejected, [0, 5, 10, 15]);
  assert.deepEqual(
    events.map(({ seq }) => seq),
    Array.from({ length: 16 }, (_, index) => index + 1),
  );
  assert.deepEqual(
    (await store.load()).runs.map(({ id }) => id),
    ["r"],
  );
});

test("commit() answers in the order of the calls and numbers in that order", async () => {
  await using temp = await tempStore();
  const order: number[] = [];

  await Promise.all(
    Array.from({ length: 200 }, async (_, index) => {
      const event = await temp.store.commit({ event: sampleEvent(`e${index}`, "p") });
      order.push(index);
      assert.equal(event?.seq, index + 1);
    }),
  );

  assert.deepEqual(
    order,
    Array.from({ length: 200 }, (_, index) => index),
  );
});

test("commit() refuses to delete a proc that has a run", async () => {
  await using temp = await tempStore();
  await temp.store.commit({ saveProc: sampleProc("p"), saveRun: sampleRun("r", { procId: "p", slot: 0 }) });

  await assert.rejects(temp.store.commit({ deleteProc: "p" }), /FOREIGN KEY/);

  assert.equal((await temp.store.load()).procs.length, 1);
});

test("readEvents() pages through all events or those of one proc", async () => {
  await using temp = await tempStore();
  const { store } = temp;
  for (let index = 0; index < 7; index += 1)
    await store.commit({ event: sampleEvent(`e${index}`, index % 2 === 0 ? "even" : "odd") });

  const seqs = async (query: Parameters<Store["readEvents"]>[0]) =>
    (await store.readEvents(query)).events.map(({ seq }) => seq);
  assert.deepEqual(await seqs({ after: 0, limit: 3 }), [1, 2, 3]);
  assert.deepEqual(await seqs({ after: 5, limit: 3 }), [6, 7]);
  assert.deepEqual(await seqs({ after: 2, limit: 2, procId: "even" }), [3, 5]);
  assert.deepEqual(await store.eventRange(), { firstSeq: 1, lastSeq: 7 });
});

test("the numbers of events go on where rows were removed", async () => {
  await using dir = await tempDir();
  const store = await openStore({ stateDir: dir.path });
  await store.commit({ event: sampleEvent("e1", "p") });
  await store.commit({ event: sampleEvent("e2", "p") });
  await store.close();
  const database = new DatabaseSync(join(dir.path, "sharku.db"));
  database.exec("DELETE FROM events");
  database.close();

  const again = await openStore({ stateDir: dir.path });
  const range = await again.eventRange();
  const event = await again.commit({ event: sampleEvent("e3", "p") });
  await again.close();

  assert.deepEqual(range, { firstSeq: 3, lastSeq: 2 });
  assert.equal(event?.seq, 3);
});

test("dueCallbacks() gives the oldest of each lane only, and the next once that is done", async () => {
  await using temp = await tempStore();
  const { store } = temp;
  for (const [id, procId] of [
    ["a1", "a"],
    ["a2", "a"],
    ["b1", "b"],
  ] as const)
    await store.commit({ event: sampleEvent(id, procId), callbackUrl: RECEIVER });
  await store.commit({ event: sampleEvent("silent", "c"), callbackUrl: null });

  const due = async (now: number) =>
    (await store.dueCallbacks(dueQuery(now))).due.map(({ event }) => event.id);
  assert.deepEqual(await due(0), ["a1", "b1"]);
  await store.callbackFailed(1, { nextAttemptAt: 5000, error: "status 500", at: 4000 });
  assert.deepEqual(await due(4999), ["b1"]);
  assert.equal((await store.dueCallbacks(dueQuery(4999))).nextAt, 5000);
  assert.deepEqual(await due(5000), ["b1", "a1"]);
  await store.callbackDone(1, delivered);
  await store.callbackDone(1, delivered);
  assert.deepEqual((await due(5000)).sort(), ["a2", "b1"]);
});

test("dueCallbacks() goes round the targets, and leaves out what it is told to", async () => {
  await using temp = await tempStore();
  const { store } = temp;
  for (const port of [1001, 1002, 1003])
    for (const procId of ["a", "b", "c"])
      await store.commit({
        event: sampleEvent(`${port}${procId}`, `${procId}${port}`),
        callbackUrl: `http://127.0.0.1:${port}/${procId}`,
      });

  const due = async (more: Partial<ReturnType<typeof dueQuery>>) =>
    (await store.dueCallbacks({ ...dueQuery(0), ...more })).due.map(({ event }) => event.id);
  assert.deepEqual(await due({ perTarget: 1 }), ["1001a", "1002a", "1003a"]);
  assert.deepEqual(await due({ perTarget: 1, afterTarget: "http://127.0.0.1:1001" }), [
    "1002a",
    "1003a",
    "1001a",
  ]);
  assert.deepEqual(await due({ perTarget: 1, skipSeqs: [1], skipTargets: ["http://127.0.0.1:1002"] }), [
    "1001b",
    "1003a",
  ]);
  assert.deepEqual(await due({ limit: 4, afterTarget: "http://127.0.0.1:1003" }), [
    "1001a",
    "1001b",
    "1001c",
    "1002a",
  ]);
});

test("dropCallbacks() ends a lane for good, until the proc is gone", async () => {
  await using temp = await tempStore();
  const { store } = temp;
  const add = (id: string, callbackUrl: string) => store.commit({ event: sampleEvent(id, "p"), callbackUrl });
  const due = async () => (await store.dueCallbacks(dueQuery(0))).due.map(({ event }) => event.id);
  await store.commit({ saveProc: sampleProc("p") });
  await add("e1", RECEIVER);
  await add("e2", RECEIVER);

  await store.dropCallbacks({ procId: "p", url: RECEIVER, word: "status 410", at: 1 });
  await add("e3", RECEIVER);
  await add("e4", "http://127.0.0.1:9/other");
  assert.deepEqual(await due(), ["e4"]);
  await store.commit({ deleteProc: "p", event: sampleEvent("e5", "p"), callbackUrl: RECEIVER });
  assert.deepEqual(await due(), ["e4"]);
  await add("e6", RECEIVER);
  assert.deepEqual((await due()).sort(), ["e4", "e6"]);
});

test("the database is closed to others, and config values are in no table but procs", async () => {
  await using dir = await tempDir();
  const file = join(dir.path, "sharku.db");
  const store = await openStore({ stateDir: dir.path });
  await store.commit({ saveProc: sampleProc("p"), event: sampleEvent("e", "p"), callbackUrl: RECEIVER });
  const modes = await Promise.all([file, `${file}-wal`].map(async (path) => (await stat(path)).mode & 0o777));
  await store.close();

  const database = new DatabaseSync(file);
  const tables = database.prepare("SELECT name FROM sqlite_schema WHERE type = 'table'").all();
  const holders = tables
    .map(({ name }) => String(name))
    .filter((name) =>
      JSON.stringify(database.prepare(`SELECT * FROM ${name}`).all()).includes("canary-of-the-config"),
    );
  database.close();
  assert.deepEqual(modes, [0o600, 0o600]);
  assert.deepEqual(holders, ["procs"]);
});

test("close() finishes what was asked before, refuses what comes after, and leaves one file", async () => {
  await using dir = await tempDir();
  const store = await openStore({ stateDir: dir.path });

  const asked = Array.from({ length: 50 }, (_, index) =>
    store.commit({ event: sampleEvent(`e${index}`, "p") }),
  );
  const closed = store.close();
  await assert.rejects(
    store.commit({ event: sampleEvent("late", "p") }),
    /Cannot use the store: it is closed/,
  );
  const events = await Promise.all(asked);
  await closed;
  await store.close();

  assert.equal(events.at(-1)?.seq, 50);
  await assert.rejects(readFile(join(dir.path, "sharku.db-wal")), { code: "ENOENT" });
});

test("died tells that the worker ended unasked, and the calls under way are rejected", async () => {
  const code = `require("node:worker_threads").parentPort.once("message", () => { throw new Error("struck") })`;
  await using dir = await tempDir();
  const store = new Store(new Worker(code, { eval: true }), new Reserve(join(dir.path, "reserve")));

  await assert.rejects(store.load(), /worker failed: struck/);

  assert.match((await store.died).message, /worker failed: struck/);
  await assert.rejects(store.load(), /worker failed: struck/);
});
