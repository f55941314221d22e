import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import type { Proc } from "../../src/client/client.ts";
import { until } from "../until.ts";
import { EXAMPLES, packDirectory } from "./archive.ts";
import { startDaemon } from "./harness.ts";
import { assertSame, takeLedger } from "./ledger.ts";
import { ask, isGone, runProc, untilExited } from "./proc-calls.ts";

test("an app is run from a URL", async (context) => {
  await using daemon = await startDaemon();
  const { client, places } = daemon;
  const slug = Buffer.from(await packDirectory(`${EXAMPLES}/weather`));
  const sha256 = createHash("sha256").update(slug).digest("hex");
  await using server = await serveFiles();
  const spec = { app: "weather", process: "web" };

  await context.test("many at once fetch it once, and each answers", async () => {
    server.answer = (_, response) => response.writeHead(200, { etag: '"1"' }).end(slug);
    const image = { url: server.url, sha256 };
    const procs = await Promise.all(
      Array.from({ length: 6 }, (_, index) => runProc(client, { ...spec, name: `web.${index}`, image })),
    );
    assert.equal(server.requests.length, 1);
    for (const proc of procs) {
      assert.deepEqual([proc.image?.digest, proc.image?.ref], [`sha256:${sha256}`, server.shownUrl]);
      await untilAnswers(proc);
    }
    await runProc(client, { ...spec, name: "web.9", image });
    assert.equal(server.requests.length, 1, "one more of the same fetches nothing");
    await daemon.deleteAll();
  });

  await context.test("a daemon killed in the middle fetches it again, and the proc comes up", async () => {
    await client.deleteImage(`sha256:${sha256}`);
    const begun = Promise.withResolvers<void>();
    server.answer = (_, response) => response.write(slug.subarray(0, 600), () => begun.resolve());
    const { id, state } = await client.createProc({ ...spec, name: "web.1", image: server.url });
    assert.equal(state, "init");
    await begun.promise;
    await daemon.kill9();
    server.answer = (_, response) => response.end(slug);
    await daemon.start();
    const proc = await client.waitProc(id, { until: "running", timeoutMs: 60_000 });
    assert.equal(proc.image?.digest, `sha256:${sha256}`);
    await untilAnswers(proc);
    await daemon.deleteAll();
    await client.deleteImage(`sha256:${sha256}`);
  });

  const before = await takeLedger(places);
  const failures: [string, (request: IncomingMessage, response: ServerResponse) => void, RegExp][] = [
    ["a file that is not there", (_, response) => response.writeHead(404).end(), /404 Not Found/],
    [
      "a web page",
      (_, response) => response.end("<!doctype html><title>Sign in</title>"),
      /begins with 3c21/,
    ],
    ["a file that breaks off", (_, response) => breakOff(response, slug), /aborted|broke off/],
    ["another file than asked for", (_, response) => response.end(slug.subarray(1)), /begins with|sum is/],
    [
      "a way to the metadata service",
      (_, response) => response.writeHead(302, { location: "http://169.254.169.254/latest" }).end(),
      /its address is link-local/,
    ],
    [
      "a way to the daemon itself",
      (_, response) => response.writeHead(302, { location: `${daemon.baseUrl}/v1/info` }).end(),
      /its address is this daemon's own/,
    ],
  ];
  for (const [what, answer, words] of failures) {
    await context.test(`${what} fails the proc with the reason image, and leaves nothing`, async () => {
      server.answer = answer;
      const image = { url: server.url, sha256 };
      const { id } = await client.createProc({ ...spec, name: "web.1", image });
      const { state, exit } = await untilExited(client, id);
      assert.deepEqual([state, exit?.reason], ["fail", "image"]);
      assert.match(exit?.message ?? "", words);
      assert.doesNotMatch(
        daemon.log() + JSON.stringify(exit),
        /canary/,
        "what is in the URL's query stays secret",
      );
      await daemon.deleteAll();
    });
  }

  await context.test("a fetch is called off when its proc is deleted", async () => {
    const begun = Promise.withResolvers<void>();
    const closed = Promise.withResolvers<void>();
    server.answer = (_, response) => {
      response.write(slug.subarray(0, 600), () => begun.resolve());
      response.on("close", () => closed.resolve());
    };
    const { id } = await client.createProc({ ...spec, name: "web.1", image: server.url });
    await begun.promise;
    await client.deleteProc(id);
    await closed.promise;
    await until("the proc is gone", () => isGone(client, id));
  });

  await context.test("what is left is what was there", async () => {
    assert.deepEqual(await Array.fromAsync(client.allImages()), []);
    await assertSame(before, places);
  });
});

async function untilAnswers(proc: Proc): Promise<void> {
  await until(`${proc.id} answers`, () =>
    ask(proc).then(
      () => true,
      () => false,
    ),
  );
}

/** One file on a web server of ours, with a secret in its URL. */
async function serveFiles() {
  const requests: IncomingMessage[] = [];
  const files = {
    requests,
    url: "",
    shownUrl: "",
    answer: (_: IncomingMessage, response: ServerResponse): unknown => response.writeHead(404).end(),
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  const server = createServer((request, response) => {
    requests.push(request);
    files.answer(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  // A server that listens on TCP has a port.
  const { port } = server.address() as AddressInfo;
  files.url = `http://127.0.0.1:${port}/slug.tgz?token=canary`;
  files.shownUrl = `http://127.0.0.1:${port}/slug.tgz?…`;
  return files;
}

function breakOff(response: ServerResponse, slug: Buffer): void {
  response.writeHead(200, { "content-length": slug.length });
  response.write(slug.subarray(0, 700), () => response.socket?.end());
}
