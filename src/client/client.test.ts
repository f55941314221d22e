import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type Server, type ServerResponse } from "node:http";
import { test } from "node:test";
import { FakeDaemon } from "../../test/fakes/daemon.ts";
import type { LogRecord } from "../contract/event.ts";
import { CannotConnect, ConnectionLost, SharkuClient, SharkuError } from "./client.ts";

async function startBoth(token: string | null = null) {
  const daemon = await FakeDaemon.listen({ port: 0 }, token);
  const client = new SharkuClient({ baseUrl: `${daemon.baseUrl}/`, token: token ?? undefined });
  return { daemon, client, [Symbol.asyncDispose]: () => daemon.close() };
}

/** A server that answers as it is told, which need not be well. */
async function answerWith(answer: (response: ServerResponse) => void) {
  const server: Server = createServer((_, response) => answer(response));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  assert.ok(address !== null && typeof address === "object");
  const client = new SharkuClient({ baseUrl: `http://127.0.0.1:${address.port}` });
  const close = async (): Promise<void> => {
    server.closeAllConnections();
    server.close();
    await once(server, "close");
  };
  return { client, [Symbol.asyncDispose]: close };
}

const spec = { app: "shop", name: "web.1", command: "serve" };

test("SharkuClient creates, looks at, stops and deletes a proc", async () => {
  await using both = await startBoth();
  const { client } = both;
  const created = await client.createProc(spec);
  assert.equal(created.state, "boot");
  const running = await client.waitProc(created.id, { until: "running", timeoutMs: 5000 });
  assert.equal(running.state, "running");
  assert.equal((await client.getProc(created.id)).app, "shop");
  await client.stopProc(created.id, { graceMs: 100 });
  const ended = await client.waitProc(created.id, { until: "exited" });
  assert.equal(ended.exit?.reason, "stopped");
  await client.deleteProc(created.id, { graceMs: 0 });
  assert.deepEqual(
    both.daemon.requests.map(({ method, url }) => `${method} ${url}`),
    [
      "POST /v1/procs",
      "GET /v1/procs/p001/wait?until=running&timeoutMs=5000",
      "GET /v1/procs/p001",
      "POST /v1/procs/p001/stop",
      "GET /v1/procs/p001/wait?until=exited",
      "DELETE /v1/procs/p001?graceMs=0",
    ],
  );
});

test("SharkuClient.putProc() may be repeated", async () => {
  await using both = await startBoth();
  await both.client.putProc("mine", spec);
  assert.equal((await both.client.putProc("mine", spec)).id, "mine");
});

test("SharkuClient.allProcs() reads page after page", async () => {
  await using both = await startBoth();
  for (const id of ["a", "b", "c", "d", "e"]) both.daemon.addProc({ id });
  const procs = await Array.fromAsync(both.client.allProcs({ app: "shop", limit: 2 }));
  assert.deepEqual(
    procs.map(({ id }) => id),
    ["a", "b", "c", "d", "e"],
  );
  assert.equal(both.daemon.requests.length, 3);
});

test("SharkuClient rebuilds the error that the daemon threw", async () => {
  await using both = await startBoth();
  await assert.rejects(both.client.getProc("nobody"), (error) => {
    assert.ok(error instanceof SharkuError);
    assert.equal(error.code, "proc-not-found");
    assert.match(error.message, /nobody/);
    return true;
  });
});

test("SharkuClient sends its token, and is refused without", async () => {
  await using both = await startBoth("secret");
  assert.equal((await both.client.info()).name, "fake");
  const stranger = new SharkuClient({ baseUrl: both.daemon.baseUrl });
  await assert.rejects(stranger.info(), { name: "SharkuError", code: "unauthorized" });
  assert.equal((await stranger.live()).status, "ok");
});

test("SharkuClient.ready() takes 503 for an answer", async () => {
  await using server = await answerWith((response) => response.writeHead(503).end('{"status":"starting"}'));
  assert.deepEqual(await server.client.ready(), { status: "starting" });
});

test("SharkuClient says that no daemon listens", async () => {
  const client = new SharkuClient({ baseUrl: "http://127.0.0.1:9" });
  await assert.rejects(client.info(), CannotConnect);
});

test("SharkuClient names the system's code where a connection is refused", async () => {
  const daemon = await FakeDaemon.listen({ port: 0 });
  const { baseUrl } = daemon;
  await daemon.close();
  await assert.rejects(new SharkuClient({ baseUrl }).info(), (error) => {
    assert.ok(error instanceof CannotConnect);
    assert.equal(error.systemCode, "ECONNREFUSED");
    assert.ok(error.message.includes(baseUrl));
    return true;
  });
});

test("SharkuClient tells a stranger's answer from a problem of the daemon", async () => {
  await using server = await answerWith((response) => response.writeHead(502).end("<html>"));
  await assert.rejects(server.client.info(), /answer is 502 without a problem document/);
});

test("SharkuClient tells an answer that is no JSON", async () => {
  await using server = await answerWith((response) => response.writeHead(200).end("<html>"));
  await assert.rejects(server.client.info(), /it is not JSON/);
});

test("SharkuClient.procLogs() follows until the proc ends", async () => {
  await using both = await startBoth();
  const { daemon, client } = both;
  daemon.addProc({ id: "a" });
  daemon.addLine("a", "one");
  const seen: (string | undefined)[] = [];
  for await (const record of client.procLogs("a", { follow: true })) {
    seen.push(record.line);
    if (record.line === "one") daemon.addLine("a", "two");
    if (record.line === "two") daemon.end("a");
  }
  assert.deepEqual(seen, ["one", "two"]);
});

test("SharkuClient.procLogs() ends quietly when aborted, before and within", async () => {
  await using both = await startBoth();
  both.daemon.addProc({ id: "a" });
  both.daemon.addLine("a", "one");
  const abort = new AbortController();
  const seen: LogRecord[] = [];
  for await (const record of both.client.procLogs("a", { follow: true }, { signal: abort.signal })) {
    seen.push(record);
    abort.abort();
  }
  assert.equal(seen.length, 1);
  const none = await Array.fromAsync(both.client.procLogs("a", {}, { signal: abort.signal }));
  assert.deepEqual(none, []);
});

test("SharkuClient.procLogs() fails with ConnectionLost when the connection is cut", async () => {
  await using both = await startBoth();
  both.daemon.addProc({ id: "a" });
  both.daemon.addLine("a", "one");
  const seen: (string | undefined)[] = [];
  await assert.rejects(async () => {
    for await (const record of both.client.procLogs("a", { follow: true })) {
      seen.push(record.line);
      both.daemon.cutConnections();
    }
  }, ConnectionLost);
  assert.deepEqual(seen, ["one"]);
});

test("SharkuClient.events() fails with ConnectionLost where the last line is torn", async () => {
  await using server = await answerWith((response) => response.writeHead(200).end('{"seq":1}\n{"seq":'));
  const seen: number[] = [];
  await assert.rejects(async () => {
    for await (const event of server.client.events()) seen.push(event.seq);
  }, ConnectionLost);
  assert.deepEqual(seen, [1]);
});

test("SharkuClient.procLogs() fails with the daemon's error where there is no such proc", async () => {
  await using both = await startBoth();
  await assert.rejects(Array.fromAsync(both.client.procLogs("nobody")), { code: "proc-not-found" });
});

/** An archive of two empty blocks, which tar takes for an empty one. */
const emptyTar = new Uint8Array(10_240);

test("SharkuClient.pushImage() sends bytes, blobs and streams alike, and tells how far it is", async () => {
  await using both = await startBoth();
  const bodies = [
    emptyTar,
    new Blob([emptyTar]),
    ReadableStream.from([emptyTar.slice(0, 100), emptyTar.slice(100)]),
  ];
  for (const body of bodies) {
    const progress: number[] = [];
    const image = await both.client.pushImage(body, { onProgress: (sentBytes) => progress.push(sentBytes) });
    assert.equal(image.bytes, emptyTar.length);
    assert.equal(progress.at(-1), emptyTar.length);
  }
  assert.equal(both.daemon.images.size, 1);
});

test("SharkuClient.pushImage() fails with the error of the stream it was given", async () => {
  await using both = await startBoth();
  const body = ReadableStream.from(
    (async function* () {
      yield emptyTar;
      throw new RangeError("the disk is on fire");
    })(),
  );
  await assert.rejects(both.client.pushImage(body), { name: "RangeError", message: "the disk is on fire" });
  assert.equal(both.daemon.images.size, 0);
});
