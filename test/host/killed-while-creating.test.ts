import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import type { SharkuClient } from "../../src/client/client.ts";
import { stretched, until } from "../until.ts";
import { PROGRAMS, packDirectory } from "./archive.ts";
import { tarOf } from "./bad-archives.ts";
import { startDaemon, type TestDaemon } from "./harness.ts";
import { assertSame, takeLedger } from "./ledger.ts";
import { isGone, linesOf, untilExited, untilRunning } from "./proc-calls.ts";
import { pidsOfProc } from "./processes.ts";

/** Killed at so many moments of the burst, in milliseconds from its beginning. */
const MOMENTS_MS = [5, 20, 50, 100, 200, 400].map(stretched);
const BURST = 20;
/** So many that it takes a moment to unpack them. */
const FILES = 1000;

test("a daemon killed amid creates carries each accepted proc on, and runs none twice", async (context) => {
  await using daemon = await startDaemon();
  const { client, places } = daemon;
  const image = (await client.pushImage(await packDirectory(PROGRAMS))).digest;
  await daemon.stop();
  const before = await takeLedger(places);
  await daemon.start();

  let accepted = 0;
  for (const momentMs of MOMENTS_MS) {
    await context.test(`killed ${momentMs} ms after the first`, async () => {
      accepted += (await burstAndKill(daemon, { image, momentMs })).length;
    });
  }
  assert.ok(accepted > BURST, `only ${accepted} creates were answered before the daemon was killed`);
  await daemon.stop();
  await context.test("the host is as it was", () => assertSame(before, places));
});

test("a daemon killed amid an upload keeps the image whole or not at all", async (context) => {
  await using daemon = await startDaemon();
  const { client, places } = daemon;
  const body = new Uint8Array(tarOf(manyFiles()));
  const { digest } = await client.pushImage(body);
  await client.deleteImage(digest);
  await daemon.stop();
  const before = await takeLedger(places);
  await daemon.start();

  for (const momentMs of [20, 60, 120].map(stretched)) {
    await context.test(`killed ${momentMs} ms after its beginning`, async () => {
      const upload = client.pushImage(body).catch(() => null);
      await sleep(momentMs);
      await daemon.kill9();
      await upload;
      await daemon.start();
      assert.equal((await client.pushImage(body)).files, FILES);
      const { id } = await client.createProc({ app: "x", name: "y", image: digest, command: "ls | wc -l" });
      await untilExited(client, id);
      assert.deepEqual(await linesOf(client, id), [String(FILES)]);
      await client.deleteProc(id);
      await until("it is gone", () => isGone(client, id));
      await client.deleteImage(digest);
    });
  }
  await daemon.stop();
  await context.test("the host is as it was", () => assertSame(before, places));
});

function manyFiles() {
  return Array.from({ length: FILES }, (_, index) => ({ name: `file-${index}`, content: "x".repeat(2000) }));
}

async function burstAndKill(
  daemon: TestDaemon,
  { image, momentMs }: { image: string; momentMs: number },
): Promise<string[]> {
  const { client } = daemon;
  const ids = Array.from({ length: BURST }, (_, index) => `burst-${momentMs}-${index}`);
  const creates = ids.map((id, index) => client.putProc(id, specOf(index, image)));
  const answers = Promise.allSettled(creates);
  await sleep(momentMs);
  await daemon.kill9();
  const settled = await answers;
  const accepted = ids.filter((_, index) => settled[index]?.status === "fulfilled");
  await daemon.start();

  // Others may have been accepted without the caller having heard of it: they count as well.
  const known = (await Array.fromAsync(client.allProcs())).map(({ id }) => id);
  assert.deepEqual(
    accepted.filter((id) => !known.includes(id)),
    [],
  );
  for (const id of known) await assertRanOnce(client, { id, stays: staysOf(ids.indexOf(id)) });
  for (const id of known) await client.deleteProc(id, { graceMs: 0 });
  for (const id of known) await until(`${id} is gone`, () => isGone(client, id));
  return accepted;
}

async function assertRanOnce(
  client: SharkuClient,
  { id, stays }: { id: string; stays: boolean },
): Promise<void> {
  const proc = await (stays ? untilRunning(client, id) : untilExited(client, id));
  assert.deepEqual(
    { id, state: proc.state, exit: proc.exit?.code ?? null },
    { id, state: stays ? "running" : "done", exit: stays ? null : 0 },
    JSON.stringify(proc.exit),
  );
  await until("it has said that it starts", async () => (await linesOf(client, id)).length > 0);
  const starts = (await linesOf(client, id)).filter((line) => line.startsWith("start "));
  assert.equal(starts.length, 1, `${id} began ${starts.length} times`);
  // The init and the command of one run, and nothing of another.
  assert.equal((await pidsOfProc(id)).length, stays ? 2 : 0);
}

/** Half of them end at once, so that the end falls into the daemon's death as well. */
function specOf(index: number, image: string) {
  const command = ["sh", "start-once.sh", staysOf(index) ? "stay" : "end"];
  return { app: "burst", name: `one.${index}`, image, command };
}

function staysOf(index: number): boolean {
  return index % 2 === 0;
}
