import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { createServer as createRawServer, type Socket } from "node:net";
import { test } from "node:test";
import { makeFetch } from "./socket-fetch.ts";

const CHUNK = new Uint8Array(64 * 1024);
const CHUNKS = 64;

async function serve(answer: (request: IncomingMessage, response: ServerResponse) => void) {
  const server = createServer(answer).listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  const port = typeof address === "object" ? address?.port : undefined;
  const close = async () => {
    server.closeAllConnections();
    server.close();
    await once(server, "close");
  };
  return { url: `http://127.0.0.1:${port}/`, [Symbol.asyncDispose]: close };
}

/** As many chunks as that, and how many were taken. */
function source() {
  const counts = { taken: 0 };
  const chunks = async function* () {
    while (counts.taken < CHUNKS) {
      counts.taken += 1;
      yield CHUNK;
      await new Promise((resolve) => setImmediate(resolve));
    }
  };
  return { counts, body: ReadableStream.from(chunks()) };
}

test("makeFetch() sends on where the answer begins amid the upload", async () => {
  await using server = await serve(async (request, response) => {
    response.writeHead(200).flushHeaders();
    response.write("begun ");
    let bytes = 0;
    for await (const chunk of request) bytes += chunk.length;
    response.end(String(bytes));
  });
  const { body } = source();
  const response = await makeFetch({})(server.url, { method: "PUT", headers: {}, body, duplex: "half" });
  assert.equal(await response.text(), `begun ${CHUNKS * CHUNK.length}`);
});

test("makeFetch() stops sending where it is refused amid the upload", async () => {
  await using server = await serve((request, response) => {
    // The line stays open, as the daemon keeps it for who is still sending.
    request.once("data", () => response.writeHead(409, { "content-length": 2 }).write("no"));
  });
  const { body, counts } = source();
  const response = await makeFetch({})(server.url, { method: "PUT", headers: {}, body, duplex: "half" });
  assert.deepEqual([response.status, await response.text()], [409, "no"]);
  assert.ok(counts.taken < CHUNKS, `${counts.taken} of ${CHUNKS} chunks were taken`);
});

test("makeFetch() lets the line go once it has read why the upload is refused", async () => {
  const met = Promise.withResolvers<Socket>();
  const server = createRawServer((socket) => {
    // As the daemon does where it refuses at the first bytes: the line stays, and nobody reads the rest.
    socket
      .on("error", () => undefined)
      .once("data", () => {
        socket.pause().write("HTTP/1.1 422 No\r\ncontent-length: 2\r\n\r\nno");
        met.resolve(socket);
      });
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  const url = `http://127.0.0.1:${typeof address === "object" ? address?.port : ""}/`;
  const all = new Uint8Array(64 * 2 ** 20);
  const body = ReadableStream.from([all]);
  const response = await makeFetch({})(url, { method: "PUT", headers: {}, body, duplex: "half" });
  assert.equal(await response.text(), "no");
  const socket = await met.promise;
  let bytes = 0;
  socket.on("data", (chunk) => {
    bytes += chunk.length;
  });
  const late = setTimeout(() => socket.destroy(), 3000);
  await once(socket.resume(), "close");
  clearTimeout(late);
  server.close();
  assert.ok(bytes < all.length / 2, `${bytes} bytes have come`);
});
