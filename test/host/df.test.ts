import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { readdir, statfs, symlink, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import type { Df, Proc } from "../../src/client/client.ts";
import { runCommand } from "../../src/lib/run-command.ts";
import { makeTar } from "../make-tar.ts";
import { until } from "../until.ts";
import { commandLineOf } from "./command-line.ts";
import type { TestDaemon } from "./harness.ts";
import { runProc, untilExited, untilLine } from "./proc-calls.ts";
import { makeSmallDisk } from "./small-disk.ts";

const MIB = 2 ** 20;

/**
 * What the file system of the state directory itself has given out and df cannot see: blocks of its own that grow with
 * use, the bitmaps and tables that the empty disks begin one by one, and inodes of files that went after they were
 * written on a disk.
 */
const UNSEEN_MAX = MIB / 2;

const WROTE = 12;
const writes = `head -c ${WROTE}M /dev/urandom >/app/mine; seq 200000; sync; echo written; sleep 1000`;

test("df explains every byte of a disk that the daemon has for itself, and tells none twice", async (context) => {
  await using disk = await makeSmallDisk("600M");
  await using daemon = await disk.start();
  const { client } = daemon;
  const seen = disk.seenBy(daemon);

  const { digest: image } = await client.pushImage(
    archive([
      ["big", 30 * MIB],
      ["small", 1],
    ]),
  );
  const { digest: free } = await client.pushImage(archive([["free", 20 * MIB]]));
  await client.patchImage((await client.pushImage(archive([["kept", 5 * MIB]]))).digest, { pinned: true });
  const procs: Proc[] = [];
  for (const name of ["one", "two"]) procs.push(await runProc(client, { name, image, command: writes }));
  for (const { id } of procs) await untilLine(client, id, /^written$/);
  const ended = await runProc(client, { name: "ended", image, command: "seq 100000" });
  await untilExited(client, ended.id);

  await context.test("the sum is what the disk has given out", async () => {
    await until("spare disks are ready", async () => kindOf(await client.df(), "spare-disks").count === 8);
    await assertExplained(daemon, seen);
  });

  await context.test("each kind is what was put there", async () => {
    const df = await client.df({ details: true });
    const disks = kindOf(df, "app-disks");
    assert.deepEqual(disks.items?.map(({ name }) => name).sort(), procs.map(({ id }) => id).sort());
    for (const { bytes } of disks.items ?? []) about(bytes, WROTE * MIB);
    const images = kindOf(df, "images");
    assert.deepEqual([images.count, images.inUse], [3, 1]);
    about(images.bytes, 55 * MIB);
    about(images.freeableBytes, 20 * MIB);
    const notes = new Map(images.items?.map(({ name, note }) => [name, note]));
    assert.deepEqual([notes.get(image), notes.get(free)], ["3 procs", "free"]);
    about(kindOf(df, "reserve").bytes, 16 * MIB);
    const logs = kindOf(df, "logs");
    assert.deepEqual([logs.count, logs.inUse], [3, 2]);
    assert.ok(logs.freeableBytes > MIB, "the log of the one that has ended");
    assert.deepEqual(df.fileSystems[0]?.path, daemon.places.stateDir);
    assert.equal(df.stateBytes, sum(df.held.filter(({ kind }) => kind !== "run-files")));
  });

  await context.test("what others have put there is told by its name", async () => {
    await writeFile(join(seen, "ballast"), Buffer.alloc(3 * MIB, 1));
    await symlink("/usr", join(seen, "elsewhere"));
    const other = kindOf(await client.df({ details: true }), "other");
    about(other.items?.find(({ name }) => name === "ballast")?.bytes ?? 0, 3 * MIB);
    assert.ok(other.bytes < 5 * MIB, "no link is followed");
    await assertExplained(daemon, seen);
  });

  await context.test("after kill -9 the next daemon tells the same of the procs that run on", async () => {
    const before = kindOf(await client.df({ details: true }), "app-disks");
    await daemon.kill9();
    await daemon.start();
    const after = kindOf(await client.df({ details: true }), "app-disks");
    assert.deepEqual(new Set(after.items?.map(({ name }) => name)), new Set(procs.map(({ id }) => id)));
    about(after.bytes, before.bytes);
  });

  await context.test("the command shows it, and the hint frees what it says", async () => {
    const { call } = commandLineOf(daemon);
    const { out, err } = await call("df -v");
    assert.match(out, /^app-disks +2 +2 +2\dM/m);
    assert.match(out, new RegExp(`^${free} +20M +free$`, "m"));
    assert.match(err, /^sharku image prune --all gives back up to 20M$/m);
    assert.equal((await call("image prune --all")).code, 0);
    assert.equal(kindOf(await client.df(), "images").freeableBytes, 0);
  });

  await context.test(
    "images that are damaged are told where a proc has one, and go where none has",
    async () => {
      const { digest: unused } = await client.pushImage(archive([["unused", 20 * MIB]]));
      const placeOf = (digest: string) => join(disk.seenBy(daemon), "images", digest.slice("sha256:".length));
      for (const digest of [image, unused]) await truncate(join(placeOf(digest), "image.json"), 10);
      await daemon.kill9();
      await daemon.start();
      await assertExplained(daemon, disk.seenBy(daemon));
      const damaged = kindOf(await client.df({ details: true }), "damaged-images");
      assert.deepEqual(
        damaged.items?.map(({ name, inUse }) => [name, inUse]),
        [[image, true]],
      );
      about(damaged.bytes, 30 * MIB);
      for (const digest of [image, unused])
        assert.ok(daemon.log().includes(`Cannot use image \\"${digest}\\"`));
    },
  );
});

/** What the disk has given out, lost+found among it, is what df tells, once all is written. */
async function assertExplained(daemon: TestDaemon, seen: string): Promise<void> {
  const args = ["--target", String(daemon.pid), "--mount", "--"];
  let told = "";
  await until("df explains it", async () => {
    await runCommand(["nsenter", ...args, "sync"]);
    const df = await daemon.client.df({ details: true });
    const { blocks, bfree, bsize } = await statfs(seen);
    const lost = (blocks - bfree) * bsize;
    told = `${df.stateBytes} told, ${lost} gone: ${JSON.stringify(df.held)}; ${await readdir(seen)}`;
    return Math.abs(df.stateBytes - lost) < UNSEEN_MAX;
  }).catch((cause: Error) => assert.fail(`${cause.message}: ${told}`));
}

function kindOf(df: Df, wanted: string): Df["held"][number] {
  return df.held.find(({ kind }) => kind === wanted) ?? assert.fail(`no ${wanted}`);
}

function sum(held: Df["held"]): number {
  return held.reduce((total, { bytes }) => total + bytes, 0);
}

/** Blocks round up, and beside files lie directories and marks. */
function about(bytes: number, wanted: number): void {
  assert.ok(bytes >= wanted * 0.99 && bytes < wanted + MIB / 2, `${bytes}, wanted about ${wanted}`);
}

function archive(files: readonly (readonly [name: string, bytes: number])[]): Uint8Array<ArrayBuffer> {
  return new Uint8Array(makeTar(files.map(([name, bytes]) => ({ name, body: randomBytes(bytes) }))));
}
