import assert from "node:assert/strict";
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import { until } from "../until.ts";
import { EXAMPLES, packDirectory } from "./archive.ts";
import { startDaemon, startRefused } from "./harness.ts";
import { openLinkLocal } from "./link-local.ts";
import { eventsSoFar, untilExited, untilRunning } from "./proc-calls.ts";

const slug = await packDirectory(`${EXAMPLES}/weather`);
const DENIED = /its address is within 127\.0\.0\.0\/8, which the operator denies/;

test("--fetch-deny keeps images and callbacks from a network, by address and by name", async (context) => {
  await using server = await serve("127.0.0.1");
  await using daemon = await startDaemon({
    env: { SHARKU_FETCH_DENY: "127.0.0.0/8,::1", SHARKU_FETCH_ALLOW: "127.0.0.0/8" },
  });
  const { client } = daemon;
  const spec = { app: "weather", name: "web.1" };

  for (const host of ["127.0.0.1", "2130706433", "[::ffff:127.0.0.1]"])
    await context.test(`an address is refused at once, spelt ${host}`, async () => {
      const url = `http://${host}:${server.port}/slug.tgz`;
      await assert.rejects(client.createProc({ ...spec, process: "web", image: url }), {
        code: "bad-image-url",
        message: DENIED,
      });
      await assert.rejects(client.createProc({ ...spec, command: ["sleep", "1"], callback: url }), {
        code: "bad-callback",
        message: DENIED,
      });
    });

  await context.test("a name is refused when it is connected to", async () => {
    const url = `http://localhost:${server.port}/slug.tgz`;
    const { id } = await client.createProc({ ...spec, process: "web", image: url });
    const { exit } = await untilExited(client, id);
    assert.equal(exit?.reason, "image");
    assert.match(exit?.message ?? "", /its address is within (127\.0\.0\.0\/8|::1\/128), which the operator/);

    const { id: told } = await client.createProc({ ...spec, command: ["true"], callback: url });
    await untilExited(client, told);
    await until("its callbacks are given up", () => daemon.log().includes("which the operator denies"));
  });

  assert.deepEqual(server.requests, []);
  assert.equal((await eventsSoFar(client)).filter(({ type }) => type === "proc.created").length, 2);
});

test("--fetch-allow opens a link-local network for images and callbacks, and the daemon itself to nobody", async (context) => {
  await using link = await openLinkLocal();
  await using server = await serve(link.address);

  await context.test("which without it is refused", async () => {
    await using daemon = await startDaemon();
    const image = server.url;
    await assert.rejects(daemon.client.createProc({ app: "weather", name: "web.1", process: "web", image }), {
      code: "bad-image-url",
      message: /its address is link-local/,
    });
    assert.deepEqual(server.requests, []);
  });

  await using daemon = await startDaemon({ env: { SHARKU_FETCH_ALLOW: "169.254.0.0/16,127.0.0.0/8" } });
  const { client } = daemon;
  await context.test("an image comes from there, and callbacks go there", async () => {
    const spec = { app: "weather", name: "web.1", process: "web", image: server.url, callback: server.url };
    const { id } = await client.createProc(spec);
    assert.equal((await untilRunning(client, id)).image?.bytes, slug.length);
    await until("that it runs is told", () =>
      server.requests.some(({ url }) => url?.includes("state=running")),
    );
    assert.ok(server.requests.some(({ method }) => method === "GET"));
  });

  await context.test("the daemon's own address stays closed", async () => {
    const image = `${daemon.baseUrl}/v1/info`;
    await assert.rejects(client.createProc({ app: "self", name: "web.1", process: "web", image }), {
      code: "bad-image-url",
      message: /its address is this daemon's own/,
    });
  });
});

test("sharku serve does not start with a network that is none, and says so in one line", async () => {
  for (const [args, words] of [
    [["--fetch-deny", "10.0.0.0/33"], /^sharku: Cannot use --fetch-deny "10\.0\.0\.0\/33": its prefix .*\n$/],
    [["--fetch-allow", "intranet"], /^sharku: Cannot use --fetch-allow "intranet": it is no IP network.*\n$/],
  ] as const) {
    const { code, stderr } = await startRefused(args);
    assert.equal(code, 78);
    assert.match(stderr, words);
  }
});

/** The slug on a web server of ours, which takes callbacks too. */
async function serve(address: string) {
  const requests: IncomingMessage[] = [];
  const server = createServer((request, response) => {
    requests.push(request);
    request.resume().on("end", () => response.end(request.method === "GET" ? slug : ""));
  });
  await new Promise<void>((resolve) => server.listen(0, address, resolve));
  // A server that listens on TCP has a port.
  const { port } = server.address() as AddressInfo;
  return {
    requests,
    port,
    url: `http://${address}:${port}/slug.tgz`,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
