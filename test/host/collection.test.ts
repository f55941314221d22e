import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { readdir, statfs, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { suite, test } from "node:test";
import type { SharkuClient } from "../../src/client/client.ts";
import { makeTar } from "../make-tar.ts";
import { until } from "../until.ts";
import { isSharkuError } from "./expect-error.ts";
import { runProc, untilExited } from "./proc-calls.ts";
import { makeSmallDisk, type SmallDisk } from "./small-disk.ts";

/** Images that are unused go where the disk is getting full, oldest first: on real small disks. */

const MIB = 2 ** 20;
/** The daemon's own part is about 30 MiB; the rest takes some images and no more. */
const DISK = "200M";
const INODES = 4000;

interface Kind {
  readonly title: string;
  readonly disk: readonly string[];
  /** The `count`th of them; each takes about a sixth of the disk, `large` one about the half. */
  readonly archive: (count: number, large?: boolean) => Buffer;
}

const kinds: readonly Kind[] = [
  {
    title: "bytes",
    disk: [],
    archive: (count, large = false) =>
      makeTar([{ name: `file-${count}`, body: randomBytes((large ? 50 : 20) * MIB) }]),
  },
  {
    title: "files",
    disk: ["-N", String(INODES)],
    archive: (count, large = false) =>
      makeTar(Array.from({ length: large ? 1700 : 450 }, (_, index) => ({ name: `${count}-${index}` }))),
  },
];

for (const kind of kinds)
  suite(`where a disk has few ${kind.title}`, () => {
    test("images go for an upload that needs the room, oldest first, and never held or young ones", async () => {
      await using disk = await makeSmallDisk(DISK, kind.disk);
      const kept = await withImages(disk, kind, async ({ client, digests, push }) => {
        const [pinned = "", used = "", oldest = ""] = digests;
        const { digest: large } = await push(9, true);
        const left = await stored(client);
        assert.ok([pinned, used, large].every((digest) => left.includes(digest)));
        assert.ok(!left.includes(oldest), "the oldest has gone");
        return left;
      });

      const young = { SHARKU_IMAGE_WATER: "2-1", SHARKU_IMAGE_GRACE: "1h" };
      await using daemon = await disk.start(young);
      const { client } = daemon;
      assert.deepEqual((await client.pruneImages()).images, [], "all came less than an hour ago");
      const { collection } = await client.df();
      assert.deepEqual([collection.high, collection.low, collection.graceMs], [0.02, 0.01, 3_600_000]);
      assert.ok(collection.excessBytes > 0, "above the mark");
      assert.match(collection.shortage ?? "", /unused images that may go are not enough: .*procs use 1/);
      const seen = disk.seenBy(daemon);
      const before = await freeOf(seen);
      const refusal = await client.pushImage(new Uint8Array(kind.archive(10, true))).then(
        () => assert.fail("there was room"),
        (error: Error) => error,
      );
      assert.ok(isSharkuError(refusal, "disk-full"), String(refusal));
      assert.match(refusal.message, /the disk is full.*procs use 1, 1 more are pinned.*see sharku df/);
      assert.deepEqual(await stored(client), kept);
      assert.deepEqual(await readdir(join(seen, "images/incoming")), []);
      await until("nothing of it is left", async () => {
        const { bytes, files } = await freeOf(seen);
        return bytes >= before.bytes - MIB && files >= before.files - 5;
      });
    });

    test("above the high mark they go down to the low one, and a dry run only tells", async () => {
      await using disk = await makeSmallDisk(DISK, kind.disk);
      const [pinned = "", used = "", oldest = ""] = await withImages(
        disk,
        kind,
        async ({ digests }) => digests,
      );
      const marks = await marksAround(disk);

      await using daemon = await disk.start({ SHARKU_IMAGE_WATER: marks, SHARKU_IMAGE_GRACE: "0" });
      const { client } = daemon;
      const before = await stored(client);
      const foretold = await client.pruneImages({ dryRun: true });
      assert.deepEqual([foretold.dryRun, await stored(client)], [true, before]);
      const { images } = await client.pruneImages({});
      assert.deepEqual(
        images.map(({ digest }) => digest),
        foretold.images.map(({ digest }) => digest),
      );
      assert.equal(images[0]?.digest, oldest);
      assert.ok(images.length < before.length - 2, "no more went than had to");
      const left = await stored(client);
      assert.ok(left.includes(pinned) && left.includes(used));
      assert.deepEqual((await client.pruneImages({})).images, [], "the disk has room now");
    });
  });

test("a proc that starts on a disk nearly full gets the room of an image that is unused", async () => {
  await using disk = await makeSmallDisk("300M");
  await using daemon = await disk.start({ SHARKU_IMAGE_WATER: "100-100", SHARKU_IMAGE_GRACE: "0" });
  const { client } = daemon;
  const push = (name: string) =>
    client.pushImage(new Uint8Array(makeTar([{ name, body: randomBytes(40 * MIB) }])));
  const { digest: image } = await push("used");
  const { digest: unused } = await push("unused");
  const seen = disk.seenBy(daemon);
  const left = (await freeOf(seen)).bytes;
  await writeFile(join(seen, "ballast"), Buffer.alloc(left - 10 * MIB, 1));

  const first = await runProc(client, { image, command: ["sleep", "1000"] });
  assert.equal(first.state, "running");
  assert.ok(!(await stored(client)).includes(unused));

  await writeFile(join(seen, "more"), Buffer.alloc((await freeOf(seen)).bytes - 5 * MIB, 1));
  const { id } = await client.createProc({ app: "test", name: "late", image, command: ["true"] });
  const { exit } = await untilExited(client, id);
  assert.deepEqual([exit?.reason, (await stored(client)).includes(image)], ["disk", true]);
});

/**
 * Four images: one pinned, one that a proc has, two free ones. What `look` answers is answered, once the daemon is
 * gone.
 */
async function withImages<T>(
  disk: SmallDisk,
  kind: Kind,
  look: (given: {
    client: SharkuClient;
    digests: string[];
    push: (count: number, large?: boolean) => Promise<{ digest: string }>;
  }) => Promise<T>,
): Promise<T> {
  const daemon = await disk.start({ SHARKU_IMAGE_WATER: "100-100", SHARKU_IMAGE_GRACE: "0" });
  const { client } = daemon;
  const push = (count: number, large = false) => client.pushImage(new Uint8Array(kind.archive(count, large)));
  try {
    const digests: string[] = [];
    for (const count of [1, 2, 3, 4]) digests.push((await push(count)).digest);
    const [pinned = "", image = ""] = digests;
    await client.patchImage(pinned, { pinned: true });
    const { id } = await runProc(client, { image, command: ["true"] });
    await untilExited(client, id);
    return await look({ client, digests, push });
  } finally {
    await daemon.stop();
  }
}

/** The high mark just below what is used, the low one so that the half of an image has to go. */
async function marksAround(disk: SmallDisk): Promise<string> {
  const daemon = await disk.start({ SHARKU_IMAGE_WATER: "100-100" });
  try {
    const { blocks, bavail, files, ffree } = await statfs(disk.seenBy(daemon));
    const used = Math.max((blocks - bavail) / blocks, (files - ffree) / files);
    const high = Math.floor(used * 100) - 1;
    return `${high}-${high - 4}`;
  } finally {
    await daemon.stop();
  }
}

async function freeOf(dir: string): Promise<{ bytes: number; files: number }> {
  const { bavail, bsize, ffree } = await statfs(dir);
  return { bytes: bavail * bsize, files: ffree };
}

async function stored(client: SharkuClient): Promise<string[]> {
  return (await Array.fromAsync(client.allImages())).map(({ digest }) => digest);
}
