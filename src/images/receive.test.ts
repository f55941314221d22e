import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { after, before, describe, test } from "node:test";
import { openBody, receive } from "./receive.ts";

describe("receive()", () => {
  let top: string;
  let files = 0;
  before(async () => {
    top = await mkdtemp(join(tmpdir(), "sharku-receive-"));
  });
  after(() => rm(top, { recursive: true, force: true }));

  const options = (signal = new AbortController().signal) => ({
    file: join(top, `archive${files++}`),
    bytesMax: 4096,
    signal,
    makeRoom: async () => false,
  });
  const tar = Buffer.alloc(1536);
  tar.write("ustar", 257);
  const receiveBody = (stream: Readable, signal = new AbortController().signal) =>
    receive(openBody(stream, { signal, silentMsMax: 60_000 }), options(signal));
  const endless = (...chunks: Buffer[]) => {
    const stream = new Readable({ read: () => undefined });
    for (const chunk of chunks) stream.push(chunk);
    return stream;
  };

  test("receive() keeps the bytes, tells their digest, and takes chunks of any size", async () => {
    for (const size of [1, 100, 511, 512, 513, 1536]) {
      const chunks = Array.from({ length: Math.ceil(tar.length / size) }, (_, index) =>
        tar.subarray(index * size, (index + 1) * size),
      );
      const to = options();
      const digest = `sha256:${createHash("sha256").update(tar).digest("hex")}`;
      assert.deepEqual(await receive(Readable.from(chunks), to), { digest, bytes: 1536, format: "tar" });
      assert.deepEqual(await readFile(to.file), tar);
    }
  });

  test("receive() gives up with the signal's reason, also while nothing comes", async () => {
    const late = new AbortController();
    const waiting = assert.rejects(receiveBody(endless(tar), late.signal), /too late/);
    late.abort(new Error("too late"));
    await waiting;
    await assert.rejects(receiveBody(endless(tar), late.signal), /too late/);
  });

  test("receive() refuses after the first bytes, and leaves the request open for the answer", async () => {
    const refused = endless(Buffer.alloc(1000, "no archive"));
    await assert.rejects(receiveBody(refused), { code: "unsupported-archive" });
    assert.equal(refused.destroyed, false);
    const large = endless(tar, Buffer.alloc(4096));
    await assert.rejects(receiveBody(large), { code: "body-too-large" });
    assert.equal(large.destroyed, false);
  });

  test("receive() throws what the stream throws", async () => {
    const broken = endless(tar);
    broken.destroy(new Error("the connection is gone"));
    await assert.rejects(receiveBody(broken), /the connection is gone/);
  });
});
