import assert from "node:assert/strict";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { makeTar } from "../make-tar.ts";
import { stretched } from "../until.ts";
import { startDaemon, type TestDaemon } from "./harness.ts";

/** Killed at so many moments after images began to go, to be pinned and to come, in milliseconds. */
const MOMENTS_MS = [0, 5, 20, 60, 160].map(stretched);
const IMAGES = 6;
/** So many that it takes a moment to remove and to unpack them. */
const FILES = 400;

test("a daemon killed amid removing, pruning and pinning has each image whole or not at all", async (context) => {
  await using daemon = await startDaemon();
  const { client, places } = daemon;
  let removals = 0;
  let pins = 0;
  for (const [round, momentMs] of MOMENTS_MS.entries()) {
    await context.test(`killed ${momentMs} ms after`, async () => {
      const digests: string[] = [];
      for (let number = 0; number < IMAGES; number += 1)
        digests.push((await client.pushImage(imageOf(`${round}-${number}`))).digest);
      const [removed = "", pinned = ""] = digests;
      const calls = Promise.allSettled([
        client.deleteImage(removed),
        client.patchImage(pinned, { pinned: true }),
        client.pruneImages({ all: true }),
        client.pushImage(imageOf(`${round}-late`)),
      ]);
      await sleep(momentMs);
      await daemon.kill9();
      const [removal, pin] = await calls;
      await daemon.start();

      await assertAllWhole(daemon);
      const left = await Array.fromAsync(client.allImages());
      if (removal.status === "fulfilled") {
        removals += 1;
        assert.ok(!left.some(({ digest }) => digest === removed), "it was told removed");
      }
      if (pin.status === "fulfilled") {
        pins += 1;
        assert.equal(left.find(({ digest }) => digest === pinned)?.pinned, true, "it was told pinned");
      }
      for (const { digest, pinned } of left) {
        if (pinned) await client.patchImage(digest, { pinned: false });
        await client.deleteImage(digest);
      }
    });
  }
  assert.ok(removals > 0 && pins > 0, `${removals} removals and ${pins} pins were answered before a kill`);
  assert.deepEqual((await readdir(join(places.stateDir, "images"))).sort(), ["incoming", "urls"]);
});

/** What is listed is all there, and nothing else is. */
async function assertAllWhole({ client, places }: TestDaemon): Promise<void> {
  const dir = join(places.stateDir, "images");
  assert.deepEqual(await readdir(join(dir, "incoming")), []);
  const images = await Array.fromAsync(client.allImages());
  const hexes = images.map(({ digest }) => digest.slice("sha256:".length));
  assert.deepEqual((await readdir(dir)).sort(), [...hexes, "incoming", "urls"].sort());
  for (const { digest, files, unpackedBytes } of images) {
    const found = await Array.fromAsync(client.allImageFiles(digest));
    const bytes = found.reduce((sum, file) => sum + file.bytes, 0);
    assert.deepEqual([found.length, bytes], [files, unpackedBytes], digest);
  }
}

function imageOf(name: string): Uint8Array<ArrayBuffer> {
  const body = Buffer.alloc(1000, name);
  return new Uint8Array(
    makeTar(Array.from({ length: FILES }, (_, index) => ({ name: `${name}-${index}`, body }))),
  );
}
