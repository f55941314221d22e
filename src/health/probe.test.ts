import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer as createHttpServer } from "node:http";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { describe, it, type TestContext } from "node:test";
import { stretched } from "../../test/until.ts";
import { BODY_BYTES_MAX, probe } from "./probe.ts";

const never = new AbortController().signal;
const elapsedMs = () => performance.now();

async function listen(context: TestContext, server: Server): Promise<number> {
  const sockets = new Set<Socket>();
  server.on("connection", (socket) => sockets.add(socket));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  context.after(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  // An address of TCP is no text.
  return (server.address() as AddressInfo).port;
}

interface Asked {
  readonly path?: string;
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
  readonly clock?: () => number;
}

function ask(
  port: number,
  { path, timeoutMs = stretched(10_000), signal = never, clock = elapsedMs }: Asked = {},
) {
  return probe({ host: "127.0.0.1", port, path: path ?? null }, { timeoutMs, signal, elapsedMs: clock });
}

describe("probe()", () => {
  it("is content with a connection, and tells one refused from others", async (context) => {
    const server = createServer();
    const port = await listen(context, server);
    assert.equal((await ask(port)).outcome, "passed");
    server.close();
    await once(server, "close");
    const { outcome, output } = await ask(port);
    assert.deepEqual([outcome, output], ["refused", "connection refused"]);
  });

  it("goes by the status, though the body never ends", async (context) => {
    const port = await listen(
      context,
      createHttpServer((request, response) => {
        response.writeHead(request.url === "/up" ? 206 : 503);
        response.write("so far");
      }),
    );
    const timeoutMs = stretched(500);
    const good = await ask(port, { path: "/up", timeoutMs });
    assert.deepEqual([good.outcome, good.output], ["passed", "answered 206 Partial Content\nso far"]);
    const bad = await ask(port, { path: "/other", timeoutMs });
    assert.deepEqual([bad.outcome, bad.output], ["failed", "answered 503 Service Unavailable\nso far"]);
  });

  it("asks for the path as it is, says who asks, and keeps no connection", async (context) => {
    const seen: unknown[] = [];
    const server = createHttpServer((request, response) => {
      const { "user-agent": agent, connection } = request.headers;
      seen.push(request.method, request.url, agent, connection);
      response.end();
    });
    const port = await listen(context, server);
    await ask(port, { path: "/up?all=yes" });
    assert.deepEqual(seen, ["GET", "/up?all=yes", "sharku-health", "close"]);
  });

  it("holds its bounds on an answer without an end", async (context) => {
    const port = await listen(
      context,
      createServer((socket) => {
        socket.on("error", () => undefined);
        socket.write("HTTP/1.1 200 OK\r\n\r\n");
        const flood = () => socket.writable && socket.write("x".repeat(100_000), flood);
        flood();
      }),
    );
    const { outcome, output } = await ask(port, { path: "/" });
    assert.equal(outcome, "passed");
    assert.equal(Buffer.byteLength(output), BODY_BYTES_MAX);
  });

  it("gives up on one that says nothing, and on one that is called off", async (context) => {
    const port = await listen(context, createServer());
    const silent = await ask(port, { path: "/", timeoutMs: 100, clock: () => 0 });
    assert.deepEqual([silent.outcome, silent.output], ["failed", "no answer within 100 ms"]);
    const called = new AbortController();
    const asked = ask(port, { path: "/", signal: called.signal });
    called.abort(new Error("called off"));
    await assert.rejects(asked, /called off/);
  });

  it("says nothing of an app where the daemon itself stood still", async (context) => {
    const port = await listen(context, createServer());
    const moments = [0, 60_000];
    const { outcome } = await ask(port, {
      path: "/",
      timeoutMs: 100,
      clock: () => moments.shift() ?? 60_000,
    });
    assert.equal(outcome, "unknown");
  });
});
