import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { readdir } from "node:fs/promises";
import { createServer, type ServerResponse } from "node:http";
import { type AddressInfo, connect } from "node:net";
import { join } from "node:path";
import { test } from "node:test";
import type { ImageProgress, PushRecord } from "../../src/contract/image-progress.ts";
import { makeTar } from "../make-tar.ts";
import { until } from "../until.ts";
import { startDaemon, type TestDaemon } from "./harness.ts";
import { assertSame, takeLedger } from "./ledger.ts";

const MIB = 2 ** 20;

/** An archive that takes a moment to come and to unpack; no two are alike. */
function archiveOf(bytes: number): { readonly archive: Uint8Array<ArrayBuffer>; readonly digest: string } {
  const tar = makeTar([
    { name: "Procfile", body: Buffer.from("web: sleep 60\n") },
    ...Array.from({ length: 50 }, (_, index) => ({
      name: `file-${index}`,
      body: randomBytes(Math.floor(bytes / 50)),
    })),
  ]);
  const archive = Uint8Array.from(tar);
  return { archive, digest: `sha256:${createHash("sha256").update(archive).digest("hex")}` };
}

test("how far an image is on its way in is told", async (context) => {
  await using daemon = await startDaemon();
  const { client } = daemon;

  await context.test("by the proc that waits for it, with the digest as soon as it is here", async () => {
    const { archive, digest } = archiveOf(MIB);
    await using server = await serveSlowly(archive);
    const spec = { app: "late", name: "web.1", process: "web", image: { url: server.url, sha256: digest } };
    const { id } = await client.createProc(spec);
    const seen = async (): Promise<ImageProgress | null> => (await client.getProc(id)).progress;
    await until("half of it is here", async () => (await seen())?.bytes === server.half);
    const progress = await seen();
    assert.equal(progress?.phase, "receiving");
    assert.equal(progress?.totalBytes, archive.length);
    server.goOn();
    const proc = await client.waitProc(id, { until: "running", timeoutMs: 60_000 });
    assert.deepEqual([proc.progress, proc.image?.digest], [null, digest]);
    const types: string[] = [];
    for await (const event of client.procEvents(id)) types.push(event.type);
    assert.equal(types.filter((type) => type === "proc.image").length, 1);
    await daemon.deleteAll();
  });

  await context.test("by a push whose caller asks for it, up to the image", async () => {
    const { archive, digest } = archiveOf(4 * MIB);
    const records = await pushForRecords(daemon, archive);
    const phases = records.flatMap((record) => ("progress" in record ? [record.progress.phase] : []));
    assert.deepEqual([...new Set(phases)], ["receiving", "unpacking", "storing"]);
    const last = records.at(-1);
    assert.ok(last && "image" in last);
    assert.deepEqual([last.image.digest, last.isNew], [digest, true]);
    const again = (await pushForRecords(daemon, archive)).at(-1);
    assert.ok(again && "image" in again);
    assert.equal(again.isNew, false);
  });

  await context.test("what is refused at its first bytes is refused by the status", async () => {
    const response = await push(daemon, Uint8Array.from(Buffer.alloc(4096, "no archive ")));
    assert.equal(response.status, 415);
    assert.match(response.headers.get("content-type") ?? "", /problem\+json/);
    await response.body?.cancel();
  });

  await context.test("and up to what is wrong with the archive", async () => {
    const records = await pushForRecords(daemon, archiveOf(MIB).archive.subarray(0, MIB / 2));
    const last = records.at(-1);
    assert.ok(last && "problem" in last);
    assert.equal(last.problem.code, "bad-archive");
  });
});

test("a push may be repeated without harm", async (context) => {
  await using daemon = await startDaemon();
  const { client, places } = daemon;
  const incoming = () => readdir(join(places.stateDir, "images", "incoming"));
  const before = await takeLedger(places);

  await context.test("one that is cut off anywhere leaves nothing, and then comes whole", async () => {
    const { archive, digest } = archiveOf(2 * MIB);
    for (const sixteenth of [0, 1, 5, 11, 15]) {
      await pushCutOff(daemon, { archive, sentBytes: Math.floor((archive.length * sixteenth) / 16) });
      await until("nothing of it is left", async () => (await incoming()).length === 0);
      assert.deepEqual((await client.listImages()).items, []);
    }
    await assertSame(before, places);
    assert.doesNotMatch(daemon.log(), /a call failed/, "who goes away is no fault");
    assert.equal((await client.pushImage(archive)).digest, digest);
    await client.deleteImage(digest);
  });

  await context.test("case 67: the same twice at once is one image, new to one of them", async () => {
    const { archive, digest } = archiveOf(2 * MIB);
    const twice = await Promise.all([pushForRecords(daemon, archive), pushForRecords(daemon, archive)]);
    const lasts = twice.map((records) => records.at(-1));
    const told = lasts.map((last) => (last && "image" in last ? [last.image.digest, last.isNew] : last));
    assert.deepEqual(told.sort(), [
      [digest, false],
      [digest, true],
    ]);
    assert.equal((await client.listImages()).items.length, 1);
    assert.deepEqual(await incoming(), []);
  });
});

async function push(daemon: TestDaemon, archive: Uint8Array<ArrayBuffer>): Promise<Response> {
  return await fetch(`${daemon.baseUrl}/v1/images`, {
    method: "POST",
    headers: { accept: "application/x-ndjson", authorization: `Bearer ${await daemon.token()}` },
    body: archive,
  });
}

async function pushForRecords(daemon: TestDaemon, archive: Uint8Array<ArrayBuffer>): Promise<PushRecord[]> {
  const lines = (await (await push(daemon, archive)).text()).trim().split("\n");
  return lines.map((line) => JSON.parse(line));
}

/** Says how much will come, sends a part of it and is gone. */
async function pushCutOff(
  daemon: TestDaemon,
  { archive, sentBytes }: { archive: Uint8Array; sentBytes: number },
): Promise<void> {
  const { hostname, port, host } = new URL(daemon.baseUrl);
  const socket = connect(Number(port), hostname);
  const head = [
    "POST /v1/images HTTP/1.1",
    `Host: ${host}`,
    `Authorization: Bearer ${await daemon.token()}`,
    `Content-Length: ${archive.length}`,
  ];
  socket.write(`${head.join("\r\n")}\r\n\r\n`);
  await new Promise<void>((resolve, reject) => {
    socket.once("error", reject);
    socket.write(archive.subarray(0, sentBytes), () => resolve());
  });
  socket.resetAndDestroy();
}

/** A server that sends half of a file, and the rest when it is told to. */
async function serveSlowly(file: Uint8Array) {
  const half = Math.floor(file.length / 2);
  const waiting: ServerResponse[] = [];
  const server = createServer((_, response) => {
    response.writeHead(200, { "content-length": file.length });
    response.write(file.subarray(0, half));
    waiting.push(response);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    half,
    url: `http://127.0.0.1:${port}/slug.tar`,
    goOn: () => {
      for (const response of waiting.splice(0)) response.end(file.subarray(half));
    },
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
