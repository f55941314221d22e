import assert from "node:assert/strict";
import { createServer } from "node:http";
import { test } from "node:test";
import { until } from "../until.ts";
import { PROGRAMS, packDirectory } from "./archive.ts";
import { startDaemon } from "./harness.ts";
import { makePlaces, removePlaces } from "./places.ts";
import { type RawAnswer, rawCall } from "./raw-call.ts";
import { type Delivery, startReceiver } from "./receiver.ts";

/** An orchestrator of 2013 and the daemon: it knows the protocol's words and nothing else. */

interface Proc {
  readonly id: string;
  readonly port: number;
  readonly state: string;
  readonly config: Record<string, string>;
}

class Orchestrator {
  readonly #port: number;

  constructor(port: number) {
    this.#port = port;
  }

  /** As in 2013, neither a token nor a Content-Type. */
  call(
    method: string,
    path: string,
    body?: unknown,
    headers: Record<string, string> = {},
  ): Promise<RawAnswer> {
    return rawCall(
      { host: "127.0.0.1", port: this.#port },
      {
        ...{ method, path },
        headers: { host: `127.0.0.1:${this.#port}`, ...headers },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      },
    );
  }

  async get(path: string): Promise<unknown> {
    const { status, text } = await this.call("GET", path);
    assert.equal(status, 200, text);
    return JSON.parse(text);
  }
}

async function startWithFace() {
  const { lastPort, ...places } = await makePlaces();
  const daemon = await startDaemon({
    places: { ...places, lastPort: lastPort - 1 },
    env: { SHARKU_GILLIAM_LISTEN: `127.0.0.1:${lastPort}` },
  });
  return {
    daemon,
    orchestrator: new Orchestrator(lastPort),
    [Symbol.asyncDispose]: async () => {
      await daemon[Symbol.asyncDispose]();
      await removePlaces(places);
    },
  };
}

/** Serves one archive, as the slug stores of 2013 did. */
async function serveArchive(body: Uint8Array) {
  const server = createServer((_request, response) => response.end(body));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  assert(address !== null && typeof address === "object");
  return {
    url: `http://127.0.0.1:${address.port}/slug.tar.gz`,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

test("an orchestrator of 2013 runs a proc of an image by URL, is told its states, and ends it", async () => {
  await using receiver = await startReceiver();
  await using store = await serveArchive(new Uint8Array(await packDirectory(PROGRAMS)));
  await using face = await startWithFace();
  const { daemon, orchestrator } = face;
  const told = (state: string) => receiver.deliveries.some(({ query }) => query["state"] === state);

  const created = await orchestrator.call("POST", "/proc", {
    ...{ app: "shop", name: "web.1", image: store.url, callback: receiver.url },
    command: 'test "$GREETING" = hello && test -f ignore-sigterm.py && exec sleep 1000',
    config: { GREETING: "hello" },
  });
  assert.equal(created.status, 201, created.text);
  const { id, port, state, command, ...rest }: Proc & { command: string } = JSON.parse(created.text);
  assert.equal(created.headers.location, `/proc/${id}`);
  assert.equal(state, "init");
  assert.match(command, /sleep 1000$/);
  assert.deepEqual(rest, {
    ...{ app: "shop", name: "web.1", image: store.url, config: { GREETING: "hello" } },
    links: { self: `/proc/${id}` },
  });
  await until("that it runs is told", () => told("running"));

  await daemon.kill9();
  await daemon.start();
  const view = { id, port, state: "running", command, ...rest, config: { GREETING: "" } };
  assert.deepEqual(await orchestrator.get(`/proc/${id}`), view);
  assert.deepEqual(await orchestrator.get("/proc"), { [id]: view });

  assert.equal((await orchestrator.call("DELETE", `/proc/${id}`)).status, 204);
  await until("its end is told", () => told("done"));
  await until("it is gone", async () => (await orchestrator.call("GET", `/proc/${id}`)).status === 404);
  assert.deepEqual(await orchestrator.get("/proc"), {});
  const again = await orchestrator.call("DELETE", `/proc/${id}`);
  assert.equal(again.status, 404);
  assert.match(again.headers["content-type"] ?? "", /^application\/problem\+json/);

  const states = withoutRepeats(receiver.deliveries).map(({ query }) => query["state"]);
  assert.deepEqual(states, ["init", "boot", "running", "running", "done"]);
  for (const { query } of receiver.deliveries)
    assert.deepEqual(query, { who: "test", name: "web.1", port: String(port), state: query["state"] });
});

test("a proc that fails is told so, and a bad order leaves nothing", async () => {
  await using receiver = await startReceiver();
  await using face = await startWithFace();
  const { orchestrator } = face;
  const spec = {
    app: "shop",
    name: "web.1",
    image: null,
    command: "exit 3",
    config: {},
    callback: receiver.url,
  };

  for (const wrong of [{ ...spec, command: 3 }, { ...spec, size: "large" }, { app: "shop" }]) {
    const answer = await orchestrator.call("POST", "/proc", wrong);
    assert.equal(answer.status, 400, answer.text);
    assert.match(answer.headers["content-type"] ?? "", /^application\/problem\+json/);
  }
  assert.deepEqual(await orchestrator.get("/proc"), {});

  const { text } = await orchestrator.call("POST", "/proc", spec, { "content-type": "application/json" });
  const { id }: Proc = JSON.parse(text);
  await until("that it failed is told", () =>
    receiver.deliveries.some(({ query }) => query["state"] === "fail"),
  );
  assert.deepEqual(Object.keys((await orchestrator.get("/proc")) ?? {}), [id]);
});

test("its own address serves nothing but the protocol of 2013, and no page of the web", async () => {
  await using face = await startWithFace();
  const { daemon, orchestrator } = face;
  const spec = { app: "shop", name: "web.1", command: "true" };
  const calls = {
    api: await orchestrator.call("GET", "/v1/procs"),
    info: await orchestrator.call("GET", "/livez"),
    host: await orchestrator.call("GET", "/proc", undefined, { host: "rebound.example" }),
    page: await orchestrator.call("POST", "/proc", spec, { origin: "http://rebound.example" }),
    form: await orchestrator.call("POST", "/proc", spec, { "content-type": "text/plain" }),
  };
  const statuses = Object.fromEntries(Object.entries(calls).map(([name, { status }]) => [name, status]));
  assert.deepEqual(statuses, { api: 404, info: 404, host: 403, page: 403, form: 415 });

  const without = await fetch(`${daemon.baseUrl}/proc`);
  const authorization = `Bearer ${await daemon.token()}`;
  const withToken = await fetch(`${daemon.baseUrl}/proc`, { headers: { authorization } });
  assert.deepEqual([without.status, withToken.status, await withToken.json()], [401, 200, {}]);
  const looped = await orchestrator.call("POST", "/proc", { ...spec, image: "http://169.254.169.254/slug" });
  assert.equal(looped.status, 422, looped.text);
});

/** A delivery may come twice: what counts is the order in which each came first. */
function withoutRepeats(deliveries: readonly Delivery[]): Delivery[] {
  const ids = deliveries.map(({ event }) => event.id);
  return deliveries.filter(({ event }, index) => ids.indexOf(event.id) === index);
}
