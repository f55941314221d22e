import assert from "node:assert/strict";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { type AddressInfo, createServer as createRawServer } from "node:net";
import { describe, it } from "node:test";
import { judgeAddress, noFetchRules } from "../lib/address-rules.ts";
import { FetchError, fetchArchive, judgeFetchUrl, tellUrl, type Validators } from "./fetch.ts";

const never = new AbortController().signal;
const content = Buffer.from(Array.from({ length: 100_000 }, (_, at) => at % 251));
const judge = (place: { address: string; port: number }) =>
  judgeAddress(place, { own: { listeners: [], hostAddresses: [] }, rules: noFetchRules });

type Answer = (request: IncomingMessage, response: ServerResponse) => void;

async function startServer(answer: Answer) {
  const seen: IncomingMessage[] = [];
  const server = createServer((request, response) => {
    seen.push(request);
    answer(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  // A server that listens on TCP has a port.
  const { port } = server.address() as AddressInfo;
  const url = `http://127.0.0.1:${port}/slug.tar?token=secret`;
  return {
    seen,
    url,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

async function fetchAll(url: string, known: Validators | null = null): Promise<Buffer> {
  const fetched = await fetchArchive({ url, known, judge, signal: never });
  assert.equal(fetched.status, "fresh");
  return Buffer.concat(await Array.fromAsync(fetched.body));
}

/** Sends the file as a server does that knows of parts, and hangs up after `bytes` of each answer. */
function inParts({ etag, bytes }: { etag: () => string; bytes: number }): Answer {
  return (request, response) => {
    const { range, "if-range": ifRange } = request.headers;
    const from = range !== undefined && ifRange === etag() ? Number(/\d+/.exec(range)?.[0]) : 0;
    const part = content.subarray(from);
    response.writeHead(from > 0 ? 206 : 200, {
      etag: etag(),
      "content-length": part.length,
      ...(from > 0 && { "content-range": `bytes ${from}-${content.length - 1}/${content.length}` }),
    });
    if (part.length <= bytes) response.end(part);
    else response.write(part.subarray(0, bytes), () => response.socket?.end());
  };
}

describe("fetchArchive()", () => {
  it("gives the bytes as they are, and what the server says of them", async () => {
    await using server = await startServer((_, response) =>
      response.writeHead(200, { etag: '"1"', "last-modified": "yesterday" }).end(content),
    );
    const fetched = await fetchArchive({ url: server.url, known: null, judge, signal: never });
    assert.equal(fetched.status, "fresh");
    assert.deepEqual(fetched.validators, { etag: '"1"', lastModified: "yesterday" });
    assert.deepEqual(Buffer.concat(await Array.fromAsync(fetched.body)), content);
    assert.equal(server.seen[0]?.headers["accept-encoding"], "identity");
  });

  it("asks for nothing that is here already", async () => {
    await using server = await startServer((request, response) =>
      response.writeHead(request.headers["if-none-match"] === '"1"' ? 304 : 200).end(),
    );
    const known = { etag: '"1"', lastModified: null };
    const fetched = await fetchArchive({ url: server.url, known, judge, signal: never });
    assert.deepEqual(fetched, { status: "unchanged" });
  });

  it("takes a body up again where it broke off", async () => {
    await using server = await startServer(inParts({ etag: () => '"1"', bytes: 40_000 }));
    assert.deepEqual(await fetchAll(server.url), content);
    assert.deepEqual(
      server.seen.map(({ headers }) => headers.range),
      [undefined, "bytes=40000-", "bytes=80000-"],
    );
  });

  it("never joins the halves of two versions", async () => {
    let version = 0;
    await using server = await startServer(inParts({ etag: () => `"${version++}"`, bytes: 40_000 }));
    await assert.rejects(fetchAll(server.url), /broke off after 40000 bytes.*the file is another now/);
  });

  it("takes nothing up again of a server that vouches for no version", async () => {
    await using server = await startServer((_, response) => {
      response.writeHead(200, { "content-length": content.length });
      response.write(content.subarray(0, 10), () => response.socket?.end());
    });
    await assert.rejects(fetchAll(server.url), /Cannot fetch "http:\/\/127\.0\.0\.1:\d+\/slug\.tar"/);
    assert.equal(server.seen.length, 1);
  });

  it("follows where it is led, so often and no more", async () => {
    const lead: Answer = ({ url = "" }, response) => {
      const left = Number(/left=(\d+)/.exec(url)?.[1] ?? 9);
      if (left === 0) response.end(content);
      else response.writeHead(302, { location: `/next?left=${left - 1}` }).end();
    };
    await using server = await startServer(lead);
    assert.deepEqual(await fetchAll(`${server.url}&left=5`), content);
    await assert.rejects(fetchAll(`${server.url}&left=6`), /leads on more than 5 times/);
  });

  it("judges each place on the way by the address that it connects to", async () => {
    await using server = await startServer((_, response) =>
      response.writeHead(302, { location: "http://[::ffff:169.254.169.254]/latest" }).end(),
    );
    await assert.rejects(fetchAll(server.url), /its address is link-local/);
    await assert.rejects(fetchAll("http://169.254.169.254/x"), /its address is link-local/);
    const all = () => "not allowed";
    const request = { url: `http://localhost:1/x`, known: null, judge: all, signal: never };
    await assert.rejects(fetchArchive(request), /Cannot fetch "http:\/\/localhost:1\/x": not allowed/);
  });

  it("is not led to other schemes, nor to credentials", async () => {
    for (const location of ["file:///etc/passwd", "http://a:b@127.0.0.1/", "http://["]) {
      await using server = await startServer((_, response) => response.writeHead(302, { location }).end());
      await assert.rejects(fetchAll(server.url), /it leads on to/);
    }
  });

  it("tells what the server says, and not the secrets in the URL", async () => {
    await using server = await startServer((_, response) => response.writeHead(404).end("gone"));
    await assert.rejects(fetchAll(server.url), (error) => {
      assert.match(String(error), /the server answers 404 Not Found/);
      assert.doesNotMatch(String(error), /secret/);
      return true;
    });
  });

  for (const [what, head, words] of [
    [
      "a status of its own words",
      `500 \u001b[31mred\u0007${"X".repeat(6000)}`,
      /answers 500 Internal Server Error$/,
    ],
    ["a status that nobody knows", "599 \u009b31mred", /answers 599$/],
    [
      "the way to a place of many words",
      `302 Found\r\nLocation: ${"a".repeat(6000)}:/x`,
      /the scheme is "a+…$/,
    ],
  ] as const)
    it(`tells in few and readable words of a server that answers ${what}`, async () => {
      const bytes = Buffer.from(`HTTP/1.1 ${head}\r\nContent-Length: 0\r\n\r\n`, "latin1");
      const server = createRawServer((socket) => {
        socket.on("error", () => undefined);
        socket.once("data", () => socket.end(bytes));
      });
      await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
      // A server that listens on TCP has a port.
      const { port } = server.address() as AddressInfo;
      await assert.rejects(fetchAll(`http://127.0.0.1:${port}/slug.tar`), (error) => {
        assert.ok(error instanceof FetchError);
        assert.match(error.message, words);
        assert.doesNotMatch(error.message, /\p{Cc}/u);
        assert.ok(error.message.length < 400, String(error.message.length));
        return true;
      });
      await new Promise((resolve) => server.close(resolve));
    });

  for (const [what, answer] of [
    ["no head at all, as HTTP/0.9 has none", "just bytes"],
    ["a length that is no number", "HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\nbytes"],
    ["less than it announced", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nbytes"],
    ["a chunk that breaks off", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nbytes"],
  ] as const)
    it(`case 66: fails where a server sends ${what}`, async () => {
      const server = createRawServer((socket) => {
        socket.on("error", () => undefined);
        socket.once("data", () => socket.end(answer));
      });
      await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
      // A server that listens on TCP has a port.
      const { port } = server.address() as AddressInfo;
      await assert.rejects(fetchAll(`http://127.0.0.1:${port}/slug.tar`), { name: "FetchError" });
      await new Promise((resolve) => server.close(resolve));
    });

  const [lot, untilAnswered] = [/less than 1000 bytes have come in 0.1 s/, /no answer has come in 0.1 s/];
  const drip = (response: ServerResponse, write: () => void) => {
    const timer = setInterval(write, 10);
    response.on("close", () => clearInterval(timer));
  };
  for (const [what, answer, words] of [
    ["sends no answer", () => undefined, untilAnswered],
    [
      "sends its answer's head byte by byte",
      (_, response) => {
        response.socket?.write("HTTP/1.1 200 OK\r\nX-Long: ");
        drip(response, () => response.socket?.write("x"));
      },
      untilAnswered,
    ],
    [
      "sends interim answers only",
      (_, response) => drip(response, () => response.writeProcessing()),
      untilAnswered,
    ],
    ["falls silent amid the file", (_, response) => response.write(content.subarray(0, 999)), lot],
    [
      "sends the file byte by byte",
      (_, response) => drip(response, () => response.write(content.subarray(0, 1))),
      lot,
    ],
  ] as readonly [string, Answer, RegExp][])
    it(`gives up on a server that ${what}`, async () => {
      const closed = Promise.withResolvers<void>();
      await using server = await startServer((request, response) => {
        response.on("close", () => closed.resolve());
        answer(request, response);
      });
      const pace = { bytes: 1000, msMax: 100 };
      const fetching = fetchArchive({ url: server.url, known: null, judge, signal: never, pace }).then(
        (fetched) => (fetched.status === "fresh" ? Array.fromAsync(fetched.body) : []),
      );
      await assert.rejects(fetching, { name: "FetchError", message: words });
      await closed.promise;
      assert.equal(server.seen.length, 1);
    });

  it("ends at once with its signal", async () => {
    await using server = await startServer((_, response) => response.writeHead(200).write("x"));
    const ending = new AbortController();
    const request = { url: server.url, known: null, judge, signal: ending.signal };
    const fetched = await fetchArchive(request);
    assert.equal(fetched.status, "fresh");
    const all = Array.fromAsync(fetched.body);
    ending.abort(new Error("called off"));
    await assert.rejects(all, /called off/);
  });
});

describe("judgeFetchUrl()", () => {
  it("takes http and https without credentials", () => {
    assert.equal(judgeFetchUrl("https://host/app.tar.gz?x=1", judge), null);
    for (const url of [
      "ftp://host/x",
      "gopher://x",
      "unix:/run/x",
      "file:///x",
      "https://a@host/x",
      "nothing",
    ])
      assert.notEqual(judgeFetchUrl(url, judge), null, url);
  });

  it("refuses at once an address that nothing may be fetched from", () => {
    assert.match(judgeFetchUrl("http://[::ffff:169.254.169.254]/latest", judge) ?? "", /link-local/);
  });

  it("tells a URL without its query", () => {
    assert.equal(tellUrl("https://host/a.tar?sig=secret#x"), "https://host/a.tar");
  });
});
