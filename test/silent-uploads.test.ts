import assert from "node:assert/strict";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { type AddressInfo, connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { digestToken } from "../src/api/guard.ts";
import { buildApi } from "../src/api/server.ts";
import { openImages } from "../src/images/images.ts";
import { defaultImageLimits } from "../src/images/needs.ts";
import { Procs } from "../src/procs/procs.ts";
import { fakeDf } from "./fakes/df.ts";
import { noFigures } from "./fakes/figures.ts";
import { plainSandbox } from "./fakes/plain-sandbox.ts";
import { fakeTemplateDoor } from "./fakes/templates.ts";
import { World } from "./fakes/world.ts";
import { makeTar } from "./make-tar.ts";
import { silentLog } from "./silent-log.ts";
import { until } from "./until.ts";

/** As many as are taken in at once. */
const UPLOADS = 8;
const slug = Uint8Array.from(makeTar([{ name: "Procfile", body: Buffer.from("web: serve\n") }]));

test("senders who fall silent keep nobody from uploading, and are told so", async (context) => {
  const top = await mkdtemp(join(tmpdir(), "sharku-silent-"));
  context.after(() => rm(top, { recursive: true }));
  const incoming = () => readdir(join(top, "images", "incoming"));
  await using api = await serveImages(join(top, "images"), { uploadSilentMsMax: 2000 });

  for (const [what, accept, kind] of [
    ["as any call", "application/json", /^HTTP\/1\.1 408 Request Timeout\r\n/],
    ["by its records", "application/x-ndjson", /^HTTP\/1\.1 (200 OK|408 Request Timeout)\r\n/],
  ] as const)
    await context.test(what, async () => {
      const silent = Array.from({ length: UPLOADS }, () => fallSilent(api.port, accept));
      await until("all are under way", async () => (await incoming()).length === UPLOADS);
      assert.equal((await api.push()).status, 429, "all places are taken");
      for (const answer of await Promise.all(silent)) {
        assert.match(answer, kind);
        assert.match(answer, /"code":"request-timeout"/);
        assert.match(answer, /nothing of it has come for 2 s/);
      }
      assert.deepEqual(await incoming(), []);
      assert.ok((await api.push()).ok, "the next one is taken in");
    });
});

/** The API over a real room of images. */
async function serveImages(dir: string, changed: Partial<typeof defaultImageLimits>) {
  let jobs = 0;
  const images = await openImages({
    ...{ dir, limits: { ...defaultImageLimits, ...changed }, sandbox: plainSandbox },
    clock: { now: () => new Date(0) },
    randomId: () => `job-${jobs++}`,
    users: () => 0,
    judge: () => null,
    report: (fault) => assert.fail(String(fault)),
  });
  const unasked = () => assert.fail("not asked for");
  const journal = { follow: unasked, deliveries: unasked, replay: unasked };
  const needs = {
    ...{ images, journal, templates: fakeTemplateDoor, ...noFigures, logs: { read: unasked } },
    ...{ procs: new Procs(new World().needs()), df: async () => fakeDf, info: unasked },
    health: () => "ok" as const,
  };
  const guard = { tokenDigest: digestToken("token"), hostNames: [] };
  const server = (await buildApi(needs, { guard, log: silentLog })).serverFor("socket");
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  // A server that listens on TCP has a port.
  const { port } = server.address() as AddressInfo;
  return {
    port,
    push: () => fetch(`http://127.0.0.1:${port}/v1/images`, { method: "POST", body: slug }),
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** Sends the beginning of an archive and nothing more; all that comes back until the other side hangs up. */
async function fallSilent(port: number, accept: string): Promise<string> {
  const socket = connect(port, "127.0.0.1");
  const head = [
    ...["POST /v1/images HTTP/1.1", "Host: localhost", `Accept: ${accept}`],
    `Content-Length: ${slug.length}`,
  ];
  socket.write(`${head.join("\r\n")}\r\n\r\n`);
  socket.write(slug.subarray(0, 600));
  const chunks: Buffer[] = await Array.fromAsync(socket);
  return Buffer.concat(chunks).toString("utf8");
}
