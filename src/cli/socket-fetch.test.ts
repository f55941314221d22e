import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
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
