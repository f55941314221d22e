import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { Callbacks, DELIVERY_TIMEOUT_MS, TARGET_DELIVERIES_MAX } from "../src/events/callbacks.ts";
import { ANSWER_BYTES_MAX } from "../src/events/post-callback.ts";
import type { Listener } from "../src/lib/address-rules.ts";
import { noFetchRules } from "../src/lib/address-rules.ts";
import { judgeWithOwn } from "../src/lib/own-places.ts";
import { openStore, type Store } from "../src/store/store.ts";
import { ManualClock } from "./manual-clock.ts";
import { sampleEvent, sampleProc } from "./samples.ts";
import { until } from "./until.ts";

/** The deliverer over the real store and real receivers; only the time and the dice are the test's. */

const START = "2026-01-02T03:04:05.678Z";
const HOUR_MS = 3_600_000;

interface Seen {
  readonly target: string;
  readonly headers: IncomingMessage["headers"];
  readonly body: { id: string; seq: number };
}

type Reply = (response: ServerResponse, seen: Seen) => void;

const ok: Reply = (response) => response.writeHead(204).end();
const silence: Reply = () => undefined;

function status(code: number, headers: Record<string, string> = {}): Reply {
  return (response) => response.writeHead(code, headers).end();
}

/** A receiver that answers the first request by the first reply and so on, and the rest by the last. */
async function receiver(...replies: Reply[]) {
  const seen: Seen[] = [];
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    const one = {
      target: request.url ?? "",
      headers: request.headers,
      body: JSON.parse(String(Buffer.concat(chunks))),
    };
    seen.push(one);
    const reply = replies[Math.min(seen.length, replies.length) - 1] ?? ok;
    reply(response, one);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  assert(address !== null && typeof address === "object");
  return {
    seen,
    ids: () => seen.map(({ body }) => body.id),
    port: address.port,
    url: `http://127.0.0.1:${address.port}/hook`,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}

async function outbox({ ownListeners = [] }: { ownListeners?: readonly Listener[] } = {}) {
  const stateDir = await mkdtemp(join(tmpdir(), "sharku-callbacks-"));
  const clock = new ManualClock(START);
  const reports: string[] = [];
  const open = async () => {
    const store = await openStore({ stateDir });
    const report = (fault: unknown, context: object) =>
      void reports.push(`${fault} ${JSON.stringify(context)}`);
    const callbacks = new Callbacks({
      ...{ store, clock, randomFraction: () => 0.5, report },
      judge: judgeWithOwn(ownListeners, noFetchRules),
    });
    return { store, callbacks };
  };
  let now = await open();
  const closeNow = async () => {
    await now.callbacks.stop();
    await now.store.close();
  };
  return {
    clock,
    reports,
    get store(): Store {
      return now.store;
    },
    start: () => now.callbacks.start(),
    stop: () => now.callbacks.stop(),
    add: async (id: string, { procId = "p", url }: { procId?: string; url: string }) => {
      await now.store.commit({
        saveProc: sampleProc(procId),
        event: sampleEvent(id, procId, START),
        callbackUrl: url,
      });
      now.callbacks.wake();
    },
    restart: async () => {
      await closeNow();
      now = await open();
      now.callbacks.start();
    },
    /** When the next delivery falls due, in milliseconds from the start; null where none is put off. */
    nextAt: async () => {
      const { nextAt } = await now.store.dueCallbacks({ ...everything, now: clock.now().getTime() });
      return nextAt === null ? null : nextAt - Date.parse(START);
    },
    waiting: async () => {
      const { due } = await now.store.dueCallbacks({ ...everything, now: Number.MAX_SAFE_INTEGER });
      return due.map(({ event }) => event.id);
    },
    [Symbol.asyncDispose]: async () => {
      await closeNow();
      await rm(stateDir, { recursive: true, force: true });
    },
  };
}

const delivered = { outcome: "delivered", word: null, at: 1 } as const;

const everything = { limit: 1000, perTarget: 1000, skipSeqs: [], skipTargets: [], afterTarget: "" };

test("a callback is the event as JSON, with name, port and state behind the URL's own query", async () => {
  await using box = await outbox();
  await using target = await receiver();
  box.start();

  await box.add("e1", { procId: "shop-1", url: `${target.url}?key=a%20b&name=own#part` });
  await until("it is delivered", async () => (await box.waiting()).length === 0);

  const [seen] = target.seen;
  const { procId: _, ...sent } = { seq: 1, ...sampleEvent("e1", "shop-1", START) };
  assert.equal(target.seen.length, 1);
  assert.equal(seen?.target, "/hook?key=a%20b&name=own&name=shop-1&port=10000&state=running");
  assert.deepEqual(seen?.body, sent);
  assert.equal(seen?.headers["content-type"], "application/json");
  assert.equal(seen?.headers["user-agent"], "sharku");
});

test("the callbacks of one proc come in order, also where the first is refused at first", async () => {
  await using box = await outbox();
  await using target = await receiver(status(500), status(503), ok);
  for (const id of ["e1", "e2", "e3"]) await box.add(id, { url: target.url });

  box.start();
  await until("the first pause is on disk", async () => (await box.nextAt()) === 1000);
  assert.deepEqual(target.ids(), ["e1"]);
  box.clock.advance(1000);
  await until("the second pause is on disk", async () => (await box.nextAt()) === 6000);
  assert.deepEqual(target.ids(), ["e1", "e1"]);
  box.clock.advance(5000);
  await until("all are delivered", async () => (await box.waiting()).length === 0);

  assert.deepEqual(target.ids(), ["e1", "e1", "e1", "e2", "e3"]);
});

test("a receiver that hangs delays nobody else, and holds few connections", async () => {
  await using box = await outbox();
  await using slow = await receiver(silence);
  await using quick = await receiver();
  box.start();
  for (let number = 0; number < 10; number += 1)
    await box.add(`s${number}`, { procId: `s${number}`, url: slow.url });
  await until("the slow one has its share", () => slow.seen.length === TARGET_DELIVERIES_MAX);

  for (let number = 0; number < 20; number += 1)
    await box.add(`q${number}`, { procId: `q${number}`, url: quick.url });
  await until("the quick one has all", () => quick.seen.length === 20);
  assert.equal(slow.seen.length, TARGET_DELIVERIES_MAX);

  box.clock.advance(DELIVERY_TIMEOUT_MS);
  await until("one more is tried", () => slow.seen.length > TARGET_DELIVERIES_MAX);
  await until(
    "the first pauses are on disk",
    async () => (await box.nextAt()) === DELIVERY_TIMEOUT_MS + 1000,
  );
  await box.add("q-last", { url: quick.url });
  await until("the quick one has that too", () => quick.seen.length === 21);
  // A target that has failed gets one delivery at a time.
  assert.equal(slow.seen.length, TARGET_DELIVERIES_MAX + 1);
});

test("what was not delivered is delivered after a restart, and counts its attempts on", async () => {
  await using box = await outbox();
  await using target = await receiver(status(500), silence, ok);
  await box.add("e1", { url: target.url });
  box.start();
  await until("the first attempt failed", async () => (await box.nextAt()) === 1000);

  await box.restart();
  box.clock.advance(1000);
  await until("the second attempt is under way", () => target.seen.length === 2);
  await box.restart();
  await until("it is delivered", async () => (await box.waiting()).length === 0);

  assert.deepEqual(target.ids(), ["e1", "e1", "e1"]);
});

test("410 ends the callbacks of that proc to that URL, and only those", async () => {
  await using box = await outbox();
  await using target = await receiver(status(410), ok);
  await box.add("e1", { url: target.url });
  await box.add("e2", { url: target.url });
  box.start();
  await until("they are dropped", async () => (await box.waiting()).length === 0);

  await box.add("e3", { url: target.url });
  await box.add("other", { procId: "q", url: target.url });
  await until("the other proc's is delivered", () => target.seen.length === 2);

  assert.deepEqual(target.ids(), ["e1", "other"]);
  assert.deepEqual(await box.waiting(), []);
});

test("a redirect is not followed, and counts as a failure", async () => {
  await using box = await outbox();
  await using elsewhere = await receiver();
  await using target = await receiver(status(307, { location: elsewhere.url }), ok);
  box.start();

  await box.add("e1", { url: target.url });
  await until("it is put off", async () => (await box.nextAt()) === 1000);
  box.clock.advance(1000);
  await until("it is delivered", async () => (await box.waiting()).length === 0);

  assert.deepEqual([target.seen.length, elsewhere.seen.length], [2, 0]);
});

test("Retry-After is honoured up to a bound", async () => {
  await using box = await outbox();
  await using patient = await receiver(status(429, { "retry-after": "120" }));
  await using greedy = await receiver(status(503, { "retry-after": "999999" }));
  box.start();

  await box.add("e1", { procId: "a", url: patient.url });
  await until("the first is put off", async () => (await box.nextAt()) === 120_000);
  await box.store.callbackDone(1, delivered);
  await box.add("e2", { procId: "b", url: greedy.url });
  await until("the second is put off", async () => (await box.nextAt()) === HOUR_MS);
});

test("a callback is given up after 72 hours, and the next has its turn", async () => {
  await using box = await outbox();
  await using target = await receiver(status(500), status(500), ok);
  await box.add("e1", { url: `${target.url}?token=canary` });
  await box.add("e2", { url: `${target.url}?token=canary` });
  box.start();
  await until("the first attempt failed", async () => (await box.nextAt()) === 1000);

  box.clock.advance(72 * HOUR_MS);
  await until("the outbox is empty", async () => (await box.waiting()).length === 0);

  assert.deepEqual(target.ids(), ["e1", "e1", "e2"]);
  assert.equal(box.reports.length, 1);
  assert.match(box.reports[0] ?? "", /given up after 2 attempts: status 500/);
  assert.match(box.reports[0] ?? "", new RegExp(`"host":"127.0.0.1:${target.port}"`));
  assert.doesNotMatch(box.reports.join(), /canary|hook/);
});

test("an endless answer is cut off, and its status counts", async () => {
  await using box = await outbox();
  let cut = false;
  await using target = await receiver((response) => {
    response.writeHead(200);
    response.on("close", () => {
      cut = true;
    });
    const pour = () => {
      // Ends when the deliverer cuts the connection.
      while (!response.destroyed && response.write(Buffer.alloc(ANSWER_BYTES_MAX)));
    };
    response.on("drain", pour);
    pour();
  });
  box.start();

  await box.add("e1", { url: target.url });
  await until("it is delivered", async () => (await box.waiting()).length === 0);

  await until("the connection is cut", () => cut);
  assert.deepEqual(target.ids(), ["e1"]);
});

test("an answer whose body never ends counts by its status when the time is over", async () => {
  await using box = await outbox();
  await using target = await receiver((response) => {
    response.writeHead(200);
    response.write("a");
  });
  await box.add("e1", { url: target.url });
  box.start();
  await until("it has arrived", () => target.seen.length === 1);

  await until("it is delivered when the time is over", async () => {
    box.clock.advance(DELIVERY_TIMEOUT_MS);
    return (await box.waiting()).length === 0;
  });
});

test("the daemon's own listeners are not called, by number or by name", async () => {
  await using target = await receiver();
  const ownListeners = [{ address: "0.0.0.0", port: target.port }];
  await using box = await outbox({ ownListeners });
  box.start();

  for (const [index, host] of ["127.0.0.1", "localhost", "[::ffff:127.0.0.1]", "2130706433"].entries()) {
    await box.add(`e${index}`, { procId: `p${index}`, url: `http://${host}:${target.port}/v1/procs` });
    await until(`${host} is put off`, async () => (await box.nextAt()) === 1000);
    await box.store.callbackDone(index + 1, delivered);
  }

  assert.equal(target.seen.length, 0);
});

test("nothing is delivered before start(), nor after stop(), which cuts what hangs", async () => {
  await using box = await outbox();
  await using target = await receiver(silence, ok);
  await box.add("e1", { url: target.url });
  assert.equal(target.seen.length, 0);

  box.start();
  await until("it is under way", () => target.seen.length === 1);
  await box.stop();
  await box.add("e2", { procId: "q", url: target.url });

  assert.deepEqual((await box.waiting()).sort(), ["e1", "e2"]);
  assert.equal(target.seen.length, 1);
});
