import assert from "node:assert/strict";
import { request as httpRequest, type Server } from "node:http";
import { connect, type Socket } from "node:net";
import { after, before, describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { fakeDf } from "../../test/fakes/df.ts";
import { noFigures } from "../../test/fakes/figures.ts";
import { fakeTemplateDoor } from "../../test/fakes/templates.ts";
import { World } from "../../test/fakes/world.ts";
import { silentLog } from "../../test/silent-log.ts";
import { SharkuError } from "../contract/errors.ts";
import type { LogRecord } from "../contract/event.ts";
import { Procs } from "../procs/procs.ts";
import { type Door, digestToken } from "./guard.ts";
import type { ApiNeeds } from "./needs.ts";
import { buildApi } from "./server.ts";

const TOKEN = "a-token-for-tests-only";
const spec = { app: "shop", name: "web.1", command: "true" };
const json = { "content-type": "application/json" };
const CONNECTIONS_MAX = 20;
const bearer = { authorization: `Bearer ${TOKEN}` };

const world = new World();
world.timeStandsStill = true;
const procs = new Procs(world.needs());
const servers = new Map<Door, Server>();
let health: "ok" | "starting" = "ok";

async function* someLogs(): AsyncGenerator<LogRecord> {
  yield { time: "2026-01-01T00:00:00Z", stream: "stdout", line: "hello", cursor: "1.6" };
}

const needs: ApiNeeds = {
  procs,
  images: {
    takeIn: async (stream) => {
      let bytes = 0;
      for await (const chunk of stream) bytes += chunk.length;
      throw new SharkuError("unsupported-archive", `got ${bytes} bytes`);
    },
    list: () => [],
    get: () => assert.fail("not asked for"),
    files: () => assert.fail("not asked for"),
    patch: () => assert.fail("not asked for"),
    prune: () => assert.fail("not asked for"),
    remove: async () => undefined,
  },
  templates: fakeTemplateDoor,
  ...noFigures,
  logs: {
    read: (_id, query) => {
      if (query.after === "bad") throw new SharkuError("invalid-request", "Cannot go on from there");
      return someLogs();
    },
  },
  journal: {
    async *follow({ after: seq }) {
      yield* world.events.filter((event) => event.seq > seq);
    },
    deliveries: async () => [],
    replay: async () => [],
  },
  df: async () => fakeDf,
  info: () => assert.fail("a fault of the daemon: secret words"),
  health: () => health,
};

before(async () => {
  await procs.open();
  const guard = { tokenDigest: digestToken(TOKEN), hostNames: [] };
  const api = await buildApi(needs, { guard, log: silentLog, networkConnectionsMax: CONNECTIONS_MAX });
  for (const door of ["socket", "network"] as const) {
    const server = api.serverFor(door);
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    servers.set(door, server);
  }
});

after(() => {
  for (const server of servers.values()) server.close();
});

function urlOf(door: Door, path: string): string {
  return `http://127.0.0.1:${portOf(door)}${path}`;
}

function portOf(door: Door): number {
  const address = servers.get(door)?.address();
  return typeof address === "object" ? (address?.port ?? 0) : 0;
}

function connectionsOf(door: Door): Promise<number> {
  return new Promise((resolve, reject) => {
    servers.get(door)?.getConnections((error, count) => (error ? reject(error) : resolve(count)));
  });
}

/** Fails where it takes longer. */
async function within(ms: number, happening: Promise<unknown>): Promise<void> {
  const late = new AbortController();
  const limit = sleep(ms, undefined, { signal: late.signal }).then(() => assert.fail(`not within ${ms} ms`));
  await Promise.race([happening, limit]).finally(() => late.abort());
}

interface Answer {
  readonly status: number;
  readonly code: string | undefined;
  readonly body: { [key: string]: unknown; errors?: { pointer: string }[]; detail?: string };
  readonly headers: Headers;
}

async function call(path: string, init: RequestInit = {}, door: Door = "socket"): Promise<Answer> {
  const response = await fetch(urlOf(door, path), init);
  const text = await response.text();
  if (response.status >= 400 && path !== "/readyz")
    assert.match(response.headers.get("content-type") ?? "", /^application\/problem\+json/);
  const body: Answer["body"] = text === "" ? {} : JSON.parse(text.split("\n")[0] ?? "");
  return {
    status: response.status,
    code: body["code"] as string | undefined,
    body,
    headers: response.headers,
  };
}

function post(path: string, body: unknown, headers: Record<string, string> = json) {
  return call(path, {
    method: "POST",
    headers,
    body: typeof body === "string" ? body : JSON.stringify(body),
  });
}

describe("the API's door", () => {
  it("asks for a token on the network, and for none on the socket", async () => {
    const tries: [Record<string, string>, number][] = [
      [{}, 401],
      [{ authorization: "Bearer wrong" }, 401],
      [{ authorization: `Bearer ${TOKEN}x` }, 401],
      [{ authorization: "Basic !!" }, 401],
      [bearer, 200],
      [{ authorization: `bearer ${TOKEN}` }, 200],
      [{ authorization: `Basic ${btoa(`any:${TOKEN}`)}` }, 200],
    ];
    for (const [headers, status] of tries) {
      assert.equal((await call("/v1/procs", { headers }, "network")).status, status, JSON.stringify(headers));
    }
    assert.equal((await call("/v1/procs")).status, 200);
  });

  it("answers health to everybody", async () => {
    for (const path of ["/livez", "/readyz"]) assert.equal((await call(path, {}, "network")).status, 200);
  });

  it("refuses pages of other origins, also by a name that leads to loopback", async () => {
    const foreign = await call(
      "/v1/procs",
      { headers: { ...bearer, origin: "http://evil.example" } },
      "network",
    );
    assert.deepEqual([foreign.status, foreign.code], [403, "foreign-origin"]);
    assert.equal(await statusWithHost("evil.example"), 403);
    assert.equal(await statusWithHost("localhost:1"), 200);
  });

  it("answers nothing but health before the procs are found again", async () => {
    health = "starting";
    using _ = { [Symbol.dispose]: () => (health = "ok") };
    const early = await call("/v1/procs");
    assert.deepEqual([early.status, early.code], [503, "starting-up"]);
    assert.equal((await call("/readyz")).status, 503);
    assert.equal((await call("/livez")).status, 200);
  });
});

describe("a network full of idle connections", () => {
  it("closes those beyond the bound, and leaves the socket's callers alone", async () => {
    const held: Socket[] = [];
    using _ = { [Symbol.dispose]: () => held.forEach((socket) => void socket.destroy()) };
    const closed = new Promise<void>((resolve) => {
      // Keep-alive connections of earlier calls may hold some places; so many cannot all fit.
      for (let count = 0; count < CONNECTIONS_MAX + 1; count += 1) {
        const socket = connect(portOf("network"), "127.0.0.1");
        socket.on("error", () => undefined).once("close", () => resolve());
        socket.resume();
        held.push(socket);
      }
    });
    // Sooner than an idle connection is closed for sending nothing.
    await within(5_000, closed);
    assert.equal((await call("/v1/procs")).status, 200);
    assert.ok((await connectionsOf("network")) <= CONNECTIONS_MAX);
  });

  it("lets callers in again when some have gone", async () => {
    const deadline = performance.now() + 5_000;
    let status = 0;
    while (status !== 200 && performance.now() < deadline) {
      status = (await call("/livez", {}, "network").catch(() => undefined))?.status ?? 0;
    }
    assert.equal(status, 200);
  });
});

describe("a request that does not fit", () => {
  const faults: [string, unknown, string][] = [
    ["an unknown field", { ...spec, colour: "red" }, "/colour"],
    ["a field of the wrong type", { ...spec, app: 7 }, "/app"],
    ["a number as text", { ...spec, limits: { pids: "7" } }, "/limits/pids"],
    ["a number out of range", { ...spec, limits: { memoryBytes: -1 } }, "/limits/memoryBytes"],
    ["an unknown field further down", { ...spec, stop: { speed: 1 } }, "/stop/speed"],
    ["a value that fits none of its forms", { ...spec, callback: 7 }, "/callback"],
    ["a word that is not among those allowed", { ...spec, stop: { signal: "SIGFOO" } }, "/stop/signal"],
    ["a missing field", { name: "x", command: "true" }, "/app"],
    ["a config name that is none", { ...spec, config: { "A B": "x" } }, "/config/A B"],
  ];
  for (const [what, body, pointer] of faults) {
    it(`is told where: ${what}`, async () => {
      const answer = await post("/v1/procs", body);
      assert.deepEqual([answer.status, answer.code], [400, "invalid-request"]);
      assert.deepEqual(
        answer.body.errors?.map((fault) => fault.pointer),
        [pointer],
      );
    });
  }

  it("is told where in a patch, under either name of its form", async () => {
    const patches: [string, unknown, string][] = [
      ["application/json", { colour: "red" }, "/colour"],
      ["application/merge-patch+json", { limits: { pids: 1 } }, "/limits/pids"],
      ["application/merge-patch+json", { limits: { tmpBytes: 2 ** 20 } }, "/limits/tmpBytes"],
      ["application/merge-patch+json", { limits: null }, "/limits"],
    ];
    for (const [type, body, pointer] of patches) {
      const headers = { "content-type": type };
      const answer = await call("/v1/procs/any", { method: "PATCH", headers, body: JSON.stringify(body) });
      const pointers = answer.body.errors?.map((fault) => fault.pointer);
      assert.deepEqual([answer.code, pointers], ["invalid-request", [pointer]]);
    }
    const headers = { "content-type": "application/merge-patch+json" };
    const unknown = await call("/v1/procs/any", { method: "PATCH", headers, body: "{}" });
    assert.equal(unknown.code, "proc-not-found");
  });

  it("is told what is wrong with its form", async () => {
    // As bytes, for which fetch names no type.
    const untyped = (body: string) => call("/proc", { method: "POST", body: Buffer.from(body) });
    const poisoned = [
      "{",
      '{"__proto__":{"x":1}}',
      '{"config":{"__proto__":"x"}}',
      '{"constructor":{"prototype":1}}',
    ];
    const expected: [Promise<Answer>, number, string][] = [
      [post("/v1/procs", "{"), 400, "invalid-json"],
      [post("/v1/procs", '{"__proto__":{"x":1}}'), 400, "invalid-json"],
      ...poisoned.map((body): [Promise<Answer>, number, string] => [untyped(body), 400, "invalid-json"]),
      [
        post("/v1/procs", "a=b", { "content-type": "application/x-www-form-urlencoded" }),
        415,
        "unsupported-media-type",
      ],
      [
        post("/v1/procs", JSON.stringify({ ...spec, config: { A: "x".repeat(2 ** 20) } })),
        413,
        "body-too-large",
      ],
      [call("/v1/procs/..%2f..%2fetc"), 400, "invalid-request"],
      [call("/v1/procs/nobody"), 404, "proc-not-found"],
      [call("/v1/procs?limit=0"), 400, "invalid-request"],
      [call("/v1/procs?colour=red"), 400, "invalid-request"],
      [call("/v1/procs?cursor=zzz"), 400, "invalid-request"],
      [call("/v1/nothing"), 404, "no-such-call"],
      [call("/v1/info", { method: "POST" }), 405, "method-not-allowed"],
      [call(`/v1/procs/nobody/logs`), 404, "proc-not-found"],
    ];
    for (const [answer, status, code] of expected) {
      const { status: got, code: word } = await answer;
      assert.deepEqual([got, word], [status, code]);
    }
    assert.deepEqual(procs.list({}).items, [], "nothing was created");
  });

  it("is answered in the same form where it is no request at all", async () => {
    const answer = await sendRaw("NONSENSE\r\n\r\n");
    assert.match(answer, /^HTTP\/1\.1 400 /);
    assert.match(answer, /application\/problem\+json[\s\S]*"code":"invalid-request"/);
  });

  it("is cut off where it goes on sending long after the refusal", async () => {
    const { answer, bytes } = await sendWithoutEnd("network");
    assert.match(answer, /^HTTP\/1\.1 401 [\s\S]*"code":"unauthorized"/);
    assert.ok(bytes > 60 * 2 ** 20, `${bytes} bytes only were read, few enough to lose the answer`);
  });

  it("is answered 500 without the daemon's words where the daemon is at fault", async () => {
    const answer = await call("/v1/info");
    assert.deepEqual([answer.status, answer.code], [500, "internal"]);
    assert.ok(!JSON.stringify(answer.body).includes("secret words"));
  });
});

describe("the calls", () => {
  it("create, wait, list, page through, stop and delete", async () => {
    const created = await post("/v1/procs", spec);
    const id = String(created.body["id"]);
    assert.deepEqual([created.status, created.headers.get("location")], [201, `/v1/procs/${id}`]);
    assert.equal((await call(`/v1/procs/${id}/wait?until=running`)).body["state"], "running");
    await post("/v1/procs", { ...spec, name: "web.2", labels: { release: "v1" } });
    const first = await call("/v1/procs?limit=1");
    const second = await call(`/v1/procs?limit=1&cursor=${String(first.body["next"])}`);
    assert.deepEqual([...namesOf(first), ...namesOf(second)], ["web.1", "web.2"]);
    assert.equal(second.body["next"], null);
    assert.deepEqual(namesOf(await call("/v1/procs?label=release=v1")), ["web.2"]);
    const stopped = await call(`/v1/procs/${id}/stop`, { method: "POST" });
    assert.equal(stopped.status, 202);
    assert.equal((await call(`/v1/procs/${id}/wait?until=exited`)).body["state"], "done");
    assert.equal((await call(`/v1/procs/${id}`, { method: "DELETE" })).status, 202);
    assert.ok([202, 404].includes((await call(`/v1/procs/${id}`, { method: "DELETE" })).status));
  });

  it("give streams as NDJSON, SSE or text", async () => {
    const { body } = await post("/v1/procs", spec);
    const path = `/v1/procs/${String(body["id"])}/logs`;
    const read = async (accept: string, query = "?follow=false") =>
      await (await fetch(urlOf("socket", path + query), { headers: { accept } })).text();
    assert.equal(JSON.parse(await read("*/*")).line, "hello");
    assert.match(await read("text/event-stream"), /^id: 1\.6\ndata: \{.*"hello".*\}\n\n$/);
    assert.equal(await read("text/plain"), "hello\n");
    assert.equal((await call(`${path}?after=bad&follow=true`)).status, 400);
  });

  it("take an archive as it comes, whatever it is called", async () => {
    for (const type of ["application/gzip", "application/json", "text/html"]) {
      const answer = await post("/v1/images", "x".repeat(2 ** 21), { "content-type": type });
      assert.deepEqual([answer.status, answer.body.detail], [415, `got ${2 ** 21} bytes`]);
    }
  });
});

function namesOf(answer: Answer): unknown[] {
  // The list's shape is the contract's.
  return (answer.body["items"] as { name: string }[]).map(({ name }) => name);
}

/** All that comes back on a connection of its own. */
async function sendRaw(text: string): Promise<string> {
  const socket = connect(portOf("socket"), "127.0.0.1");
  socket.end(text);
  let answer = "";
  for await (const chunk of socket) answer += String(chunk);
  return answer;
}

/** A caller without a token that sends until it is cut off: what it was told, and how much it could send. */
async function sendWithoutEnd(door: Door): Promise<{ answer: string; bytes: number }> {
  const socket = connect(portOf(door), "127.0.0.1");
  using _ = { [Symbol.dispose]: () => void socket.destroy() };
  let answer = "";
  socket.on("data", (chunk) => (answer += String(chunk))).on("error", () => undefined);
  const closed = new Promise((resolve) => socket.once("close", resolve));
  const chunk = Buffer.alloc(2 ** 20);
  const send = () => {
    while (!socket.destroyed && socket.write(chunk));
  };
  socket.on("drain", send);
  socket.write(`POST /v1/images HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${2 ** 40}\r\n\r\n`);
  send();
  // Sooner than the bound in time, which a caller this quick does not reach.
  await within(8_000, closed);
  return { answer, bytes: socket.bytesWritten };
}

/** fetch sets Host by itself; a page with a rebound name does not. */
function statusWithHost(host: string): Promise<number> {
  return new Promise((resolve, reject) => {
    httpRequest(urlOf("network", "/v1/procs"), { headers: { ...bearer, host } }, (response) => {
      response.resume();
      resolve(response.statusCode ?? 0);
    })
      .once("error", reject)
      .end();
  });
}
