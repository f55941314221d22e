import assert from "node:assert/strict";
import { mkdir, mkdtemp, readdir, rm, truncate } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { plainSandbox } from "../../test/fakes/plain-sandbox.ts";
import { makeTar } from "../../test/make-tar.ts";
import { diskUsage } from "../lib/disk-usage.ts";
import { openImages } from "./images.ts";
import { defaultImageLimits } from "./needs.ts";

test("an image without a whole image.json is told, and goes where nobody has it", async () => {
  const dir = await mkdtemp(join(tmpdir(), "sharku-damaged-"));
  const used = new Set<string>();
  const reports: unknown[] = [];
  let ids = 0;
  const open = () =>
    openImages({
      ...{ dir, limits: defaultImageLimits, sandbox: plainSandbox, judge: () => null },
      clock: { now: () => new Date() },
      randomId: () => `job-${ids++}`,
      users: (digest) => (used.has(digest) ? 1 : 0),
      report: (_, context) => reports.push(context["image"]),
    });
  let room = await open();
  const takeIn = async (name: string) => {
    const { image } = await room.takeIn(bytesOf(name), new AbortController().signal);
    return image.digest;
  };
  const placeOf = (digest: string) => join(dir, digest.slice("sha256:".length));
  const digests = {
    inUse: await takeIn("in use"),
    pinned: await takeIn("pinned"),
    free: await takeIn("free"),
  };
  await room.patch(digests.pinned, { pinned: true });
  used.add(digests.inUse);
  for (const digest of Object.values(digests)) await truncate(join(placeOf(digest), "image.json"), 10);
  await mkdir(join(dir, "lost+found"));

  room = await open();
  assert.deepEqual(room.list(), []);
  assert.deepEqual(new Set(reports), new Set(Object.values(digests)));
  const kindOf = async () => (await room.held()).find(({ kind }) => kind === "damaged-images");
  assert.deepEqual([(await kindOf())?.count, (await kindOf())?.inUse], [3, 1]);
  await room.clearDamaged();
  const left = [digests.inUse, digests.pinned].map(placeOf);
  const told = await kindOf();
  assert.equal(
    told?.bytes,
    [...(await diskUsage(left)).values()].reduce((sum, bytes) => sum + bytes, 0),
  );
  assert.equal(told?.count, 2);
  const names = left.map((path) => path.slice(dir.length + 1));
  assert.deepEqual((await readdir(dir)).sort(), [...names, "incoming", "lost+found", "urls"].sort());
  assert.deepEqual(await readdir(join(dir, "incoming")), []);

  assert.equal(await takeIn("pinned"), digests.pinned, "it comes again");
  used.clear();
  await room.clearDamaged();
  assert.deepEqual([room.list().map(({ digest }) => digest), (await kindOf())?.count], [[digests.pinned], 0]);
  await rm(dir, { recursive: true });
});

async function* bytesOf(name: string): AsyncGenerator<Buffer> {
  yield makeTar([{ name, body: Buffer.alloc(10_000) }]);
}
