import assert from "node:assert/strict";
import { randomInt } from "node:crypto";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { stretched } from "../until.ts";
import { startDaemon } from "./harness.ts";
import { assertSame, takeLedger } from "./ledger.ts";
import { assertWhole, numberedArchive } from "./numbered-archives.ts";

/** The daemon is killed at any moment while images come in: each is there whole, or not at all. */

const KILLS = 20;
const SENDERS = 3;
/** A push takes about as long. */
const MS_TO_KILL_MAX = stretched(400);

test(`kill -9 while images come in, ${KILLS} times: none is half, none is lost that was answered`, async () => {
  await using daemon = await startDaemon();
  await daemon.stop();
  const ledger = await takeLedger(daemon.places);
  await daemon.start();
  const answered = new Set<string>();
  let count = 0;
  for (let kill = 0; kill < KILLS; kill += 1) {
    const send = async () => {
      // Until the daemon is gone, or the round would have no end.
      for (let sent = 0; sent < 1000 && daemon.isAlive; sent += 1) {
        const bytes = new Uint8Array(numberedArchive(count++));
        const image = await daemon.client.pushImage(bytes).catch(() => null);
        if (image === null) return;
        answered.add(image.digest);
      }
    };
    const senders = Array.from({ length: SENDERS }, send);
    await sleep(randomInt(MS_TO_KILL_MAX));
    await daemon.kill9();
    await Promise.all(senders);
    await daemon.start();
    const images = await Array.fromAsync(daemon.client.allImages());
    await assertWhole(daemon.places.stateDir, { images, answered, count });
  }
  assert.ok(answered.size > 0);
  for await (const { digest } of daemon.client.allImages()) await daemon.client.deleteImage(digest);
  await daemon.stop();
  await assertSame(ledger, daemon.places);
});
