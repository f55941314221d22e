import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, beforeEach, describe, it } from "node:test";
import { plainSandbox } from "../../test/fakes/plain-sandbox.ts";
import { makeTar } from "../../test/make-tar.ts";
import { until } from "../../test/until.ts";
import { type ImageRoom, openImages } from "./images.ts";
import { defaultImageLimits } from "./needs.ts";

const never = new AbortController().signal;
const slug = makeTar([{ name: "Procfile", body: Buffer.from("web: serve\n") }]);
const digest = `sha256:${createHash("sha256").update(slug).digest("hex")}`;

describe("ImageRoom.obtain()", () => {
  let top: string;
  let room: ImageRoom;
  let url: string;
  let requests: IncomingMessage[] = [];
  let answer: (request: IncomingMessage, response: ServerResponse) => void;
  const server = createServer((request, response) => {
    requests.push(request);
    answer(request, response);
  });
  let jobs = 0;
  let reported: string[] = [];
  const open = (changed: Partial<typeof defaultImageLimits> = {}) =>
    openImages({
      ...{ dir: join(top, "images"), limits: { ...defaultImageLimits, ...changed }, sandbox: plainSandbox },
      ...{
        clock: { now: () => new Date(0) },
        randomId: () => `job-${jobs++}`,
        users: () => 0,
        judge: () => null,
        report: (fault) => reported.push(String(fault)),
      },
    });

  before(async () => {
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    // A server that listens on TCP has a port.
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/slug.tar`;
  });
  after(() => {
    server.closeAllConnections();
    server.close();
  });
  beforeEach(async (context) => {
    top = await mkdtemp(join(tmpdir(), "sharku-fetcher-"));
    // The hooks of a suite are told of the test that follows.
    "after" in context && context.after?.(() => rm(top, { recursive: true, force: true }));
    room = await open();
    [requests, reported] = [[], []];
    answer = (_, response) => response.writeHead(200, { etag: '"1"' }).end(slug);
  });

  it("fetches once for a hundred who ask at the same time", async () => {
    const asked = Array.from({ length: 100 }, () => room.obtain({ url, sha256: digest }, never));
    const found = new Set((await Promise.all(asked)).map((image) => image.digest));
    assert.deepEqual([[...found], requests.length, room.list().length], [[digest], 1, 1]);
    assert.equal((await room.obtain({ url, sha256: digest }, never)).processes["web"], "serve");
    assert.equal(requests.length, 1, "what is here is not fetched again");
  });

  it("asks whether a URL without a sum has another now, also after the daemon", async () => {
    answer = ({ headers }, response) =>
      headers["if-none-match"] === '"1"'
        ? response.writeHead(304).end()
        : response.writeHead(200, { etag: '"1"' }).end(slug);
    await room.obtain({ url, sha256: null }, never);
    room = await open();
    assert.equal((await room.obtain({ url, sha256: null }, never)).digest, digest);
    assert.deepEqual(
      requests.map(({ headers }) => headers["if-none-match"]),
      [undefined, '"1"'],
    );
  });

  it("fetches again what was removed, and forgets what a loss of power has spoilt", async () => {
    await room.obtain({ url, sha256: null }, never);
    await room.remove(digest);
    await room.obtain({ url, sha256: null }, never);
    assert.equal(requests.at(-1)?.headers["if-none-match"], undefined);
    await writeFile(join(top, "images", "urls", "torn"), '{"digest":');
    room = await open();
    assert.equal(room.list().length, 1);
  });

  it("takes in and keeps what it cannot note, and tells the operator", async () => {
    const urls = join(top, "images", "urls");
    await rm(urls, { recursive: true });
    await writeFile(urls, "");
    assert.equal((await room.obtain({ url, sha256: null }, never)).digest, digest);
    assert.match(reported.join(), /ENOTDIR/);
    room = await open();
    assert.deepEqual([room.list().length, reported.length], [1, 2], "the next daemon begins as well");
    assert.equal((await room.obtain({ url, sha256: null }, never)).digest, digest);
  });

  it("does nothing with other bytes than those of the sum", async () => {
    const other = `sha256:${"0".repeat(64)}`;
    await assert.rejects(room.obtain({ url, sha256: other }, never), {
      code: "bad-archive",
      message: /its sum is/,
    });
    assert.deepEqual(room.list(), []);
  });

  it("tells what the server says as an error of the image", async () => {
    answer = (_, response) => response.writeHead(404).end();
    await assert.rejects(room.obtain({ url, sha256: null }, never), {
      code: "image-fetch-failed",
      message: /404 Not Found/,
    });
    answer = (_, response) => response.end("<!doctype html>");
    await assert.rejects(room.obtain({ url, sha256: null }, never), { code: "unsupported-archive" });
  });

  it("ends at its deadline, whatever still trickles in", async () => {
    room = await open({ fetchMsMax: 100 });
    answer = (_, response) => response.write(slug.subarray(0, 600));
    await assert.rejects(room.obtain({ url, sha256: null }, never), {
      code: "image-fetch-failed",
      message: /no end in 100 ms/,
    });
  });

  it("waits behind nobody while one place is free, and says so where none is", async () => {
    const slow: ServerResponse[] = [];
    answer = (request, response) => {
      if (request.url?.startsWith("/slow")) slow.push(response);
      else response.end(slug);
    };
    const ask = (name: string, sha256: string | null = null) => {
      const source = { url: new URL(`/${name}`, url).href, sha256 };
      return { image: room.obtain(source, never), phase: () => room.progressOf(source)?.phase };
    };
    const first = [ask("slow-1"), ask("slow-2"), ask("slow-3")];
    const quick = Array.from({ length: 5 }, (_, index) => ask(`quick-${index}`));
    for (const { image } of quick) assert.equal((await image).digest, digest);
    assert.equal(slow.length, 3, "which are under way still");

    const fourth = ask("slow-4");
    await until("four are under way", () => slow.length === 4);
    const fifth = ask("quick-5");
    assert.equal(fifth.phase(), "waiting");
    assert.equal((await ask("slow-5", digest).image).digest, digest, "what is here waits for no place");
    assert.equal(requests.filter(({ url: path }) => path === "/quick-5").length, 0);
    slow[2]?.end(slug);
    assert.equal((await fifth.image).digest, digest);
    for (const response of slow) response.end(slug);
    await Promise.all([...first, fourth].map(({ image }) => image));
  });

  it("gives the place of one who is called off while it waits to nobody else", async () => {
    const slow: ServerResponse[] = [];
    answer = (request, response) => {
      if (request.url?.startsWith("/slow")) slow.push(response);
      else response.end(slug);
    };
    const ask = (name: string, signal = never) =>
      room.obtain({ url: new URL(`/${name}`, url).href, sha256: null }, signal);
    const under = [1, 2, 3, 4].map((index) => ask(`slow-${index}`));
    await until("four are under way", () => slow.length === 4);
    const giveUp = new AbortController();
    const given = assert.rejects(ask("quick-1", giveUp.signal), /enough/);
    const stays = ask("quick-2");
    giveUp.abort(new Error("enough"));
    await given;
    slow[0]?.end(slug);
    assert.equal((await stays).digest, digest);
    assert.deepEqual(
      requests.map(({ url: path }) => path).filter((path) => path?.startsWith("/quick")),
      ["/quick-2"],
    );
    for (const response of slow) response.end(slug);
    await Promise.all(under);
  });

  it("goes on for those who wait, and ends with the last of them", async () => {
    const begun = Promise.withResolvers<void>();
    const closed = new Promise<void>((resolve) => {
      answer = (_, response) => {
        response.write(slug.subarray(0, 600), () => begun.resolve());
        response.on("close", () => resolve());
      };
    });
    const [first, second] = [new AbortController(), new AbortController()];
    const asked = [first, second].map(({ signal }) => room.obtain({ url, sha256: null }, signal));
    const ends = Promise.allSettled(asked);
    await begun.promise;
    first.abort(new Error("enough"));
    await assert.rejects(Promise.race(asked), /enough/);
    second.abort(new Error("enough too"));
    await closed;
    assert.deepEqual(
      (await ends).map(({ status }) => status),
      ["rejected", "rejected"],
    );
    answer = (_, response) => response.end(slug);
    assert.equal(
      (await room.obtain({ url, sha256: null }, never)).digest,
      digest,
      "and one who asks later begins anew",
    );
  });
});
