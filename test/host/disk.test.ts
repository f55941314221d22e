import assert from "node:assert/strict";
import { appendFile, mkdir, mkdtemp, readdir, readFile, rm, statfs, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { suite, test } from "node:test";
import type { Proc, ProcSpec } from "../../src/client/client.ts";
import { runCommand } from "../../src/lib/run-command.ts";
import { stretched, until } from "../until.ts";
import { PROGRAMS, packDirectory } from "./archive.ts";
import { startDaemon, type TestDaemon } from "./harness.ts";
import { assertSame, takeLedger } from "./ledger.ts";
import { makePlaces, removePlaces } from "./places.ts";
import { eventsSoFar, linesOf, runProc, untilExited, untilLine } from "./proc-calls.ts";
import { pidsOfProc, readProc, signal } from "./processes.ts";

const MIB = 2 ** 20;
const APP_BYTES = 16 * MIB;

/** Less than this above the limit: an image is made of blocks, and rounded up. */
const ABOVE_MAX = 0.08;

test("an /app takes as much as its limit says, in whatever way it is filled", async (context) => {
  await using daemon = await startDaemon();
  const { client, places } = daemon;
  const { digest: image } = await client.pushImage(await packDirectory(PROGRAMS));
  const before = await takeLedger(places);
  const fill = async (way: string, limits: ProcSpec["limits"] & object = { appBytes: APP_BYTES }) => {
    const command = ["python3", "fill_app.py", way, "crash"];
    const { id } = await runProc(client, { image, command, limits });
    const { exit } = await untilExited(client, id);
    const [line = ""] = await linesOf(client, id);
    return { exit, line, count: Number(line.split(" ")[0]) };
  };
  const isAbout = (count: number, limit: number) =>
    assert.ok(count >= limit * 0.99 && count < limit * (1 + ABOVE_MAX), `${count}, the limit is ${limit}`);

  assert.equal((await client.info()).appDisk.kind, "image");
  for (const way of ["in_bytes", "hidden", "nameless"])
    await context.test(`bytes: ${way}`, async () => {
      const { line, count } = await fill(way);
      assert.match(line, /^\d+ ENOSPC$/);
      isAbout(count, APP_BYTES);
    });

  await context.test("bytes: a file of holes holds no more blocks than that", async () => {
    const { line, count } = await fill("holes");
    assert.match(line, /^\d+ ENOSPC$/);
    isAbout(count, APP_BYTES / 4096);
  });

  await context.test("files: no more than in proportion", async () => {
    const { line, count } = await fill("in_files");
    assert.match(line, /^\d+ ENOSPC$/);
    isAbout(count, APP_BYTES / 4096);
  });

  await context.test("whatever the size asked for", async () => {
    for (const appBytes of [4 * MIB, 5 * 1024 * MIB, 15 * 2 ** 40]) {
      const command = ["python3", "-c", "import os; s = os.statvfs('/app'); print(s.f_bavail * s.f_bsize)"];
      const { id } = await runProc(client, { command, limits: { appBytes } });
      await untilExited(client, id);
      isAbout(Number((await linesOf(client, id))[0]), appBytes);
    }
  });

  await context.test("the end of a proc says that its /app was full", async () => {
    const { exit } = await fill("in_bytes");
    assert.deepEqual([exit?.code, exit?.reason, exit?.oom], [28, "crashed", false]);
    assert.match(exit?.message ?? "", /code 28; its \/app was full, see limits\.appBytes$/);
  });

  await context.test("a gibibyte written on 32 MiB of memory is no lack of memory", async () => {
    const { exit, count } = await fill("in_bytes", { memoryBytes: 32 * MIB });
    isAbout(count, 1024 * MIB);
    assert.deepEqual([exit?.code, exit?.oom], [28, false]);
  });

  await daemon.deleteAll();
  await context.test("the host is as it was", () => assertSame(before, places));
});

test("files of the image that the app takes for its own count as written", async () => {
  await using daemon = await startDaemon();
  const { client } = daemon;
  const { digest: image } = await client.pushImage(await packManyFiles(10_000));
  const own = async (appBytes: number): Promise<string[]> => {
    const { id } = await runProc(client, {
      ...{ image, limits: { appBytes } },
      command: ["python3", "fill_app.py", "own"],
    });
    await untilExited(client, id);
    return await linesOf(client, id);
  };
  assert.match((await own(APP_BYTES)).join(), /^[1-4]\d{3} ENOSPC$/);
  assert.deepEqual(await own(8 * APP_BYTES), ["10000 all"]);
});

suite("a proc that fills its /app and stays", () => {
  test("is told of once, and again when there was room in between", async () => {
    await using daemon = await startDaemon();
    const { id } = await startFilling(daemon, ["again", "stay"]);
    const line = await untilLine(daemon.client, id, /then/);
    assert.match(line, /^\d+ ENOSPC, then \d+ ENOSPC$/);
    const told = async () =>
      (await eventsSoFar(daemon.client)).filter(({ type }) => type === "proc.disk-full");
    await until("both are told", async () => (await told()).length === 2);
    assert.deepEqual(
      (await told()).map(({ procId, proc }) => [procId, proc.state]),
      [
        [id, "running"],
        [id, "running"],
      ],
    );
  });

  test("is gone with its files within seconds", async () => {
    await using daemon = await startDaemon();
    await daemon.client.pushImage(await packDirectory(PROGRAMS));
    const before = await takeLedger(daemon.places);
    const { id } = await startFilling(daemon, ["in_files", "stay"], 256 * MIB);
    await untilLine(daemon.client, id, /^65\d{3} ENOSPC$/);
    const beganMs = performance.now();
    await daemon.deleteAll();
    const tookMs = performance.now() - beganMs;
    assert.ok(tookMs < stretched(5_000), `65,000 files took ${tookMs} ms`);
    await assertSame(before, daemon.places);
  });

  test("keeps its disk when the daemon is killed, and the next one tells of it", async () => {
    await using daemon = await startDaemon();
    const { client, places } = daemon;
    const { id } = await startFilling(daemon, ["again", "stay"]);
    await until("its disk is told full", async () =>
      (await eventsSoFar(client)).some(({ type }) => type === "proc.disk-full"),
    );
    await daemon.kill9();
    await until("only the disk of the proc is left", async () => (await disks(places.stateDir)).length === 1);
    await daemon.start();
    await untilLine(client, id, /then \d+ ENOSPC$/);
    await until(
      "the next daemon tells that it is full",
      async () => (await eventsSoFar(client)).filter(({ type }) => type === "proc.disk-full").length === 2,
    );
  });
});

test("a disk goes with the last of its daemon, supervisor and app, in whatever order they are killed", async () => {
  for (const order of [
    ["daemon", "supervisor", "app"],
    ["app", "daemon"],
    ["supervisor", "daemon", "app"],
    ["daemon", "app"],
  ] as const) {
    await using daemon = await startDaemon();
    const { stateDir } = daemon.places;
    const { id } = await startFilling(daemon, ["in_bytes", "stay"]);
    await untilLine(daemon.client, id, /ENOSPC/);
    const app = await pidsOfProc(id);
    const supervisors = await Promise.all(app.map(parentOf));
    for (const one of order) {
      if (one === "daemon") await daemon.kill9();
      else
        for (const pid of one === "app" ? app : supervisors.filter((pid) => !app.includes(pid)))
          signal(pid, "SIGKILL");
    }
    await until(
      `no disk is left after ${order.join(", ")}`,
      async () => (await disks(stateDir)).length === 0,
    );
  }
});

test("a host whose disk is nearly full starts nothing more, and tells its procs when it is full", async () => {
  const image = join(await mkdtemp("/var/tmp/sharku-small-"), "image");
  try {
    await runCommand(["mke2fs", "-q", "-t", "ext4", image, "300M"]);
    // Mounted for the daemon alone, and gone with it.
    const mount = 'mount -o loop "$0" "$1"; chmod 711 "$1"; shift; exec "$@"';
    const places = await makePlaces();
    const wrapper = ["unshare", "--mount", "sh", "-c", mount, image, places.stateDir];
    try {
      await using daemon = await startDaemon({ places, wrapper });
      await fillHost(daemon);
    } finally {
      await removePlaces(places);
    }
  } finally {
    await rm(dirname(image), { recursive: true });
  }
});

async function fillHost(daemon: TestDaemon): Promise<void> {
  const { client, places } = daemon;
  const seen = `/proc/${daemon.pid}/root${places.stateDir}`;
  const command = ["sleep", "1000"];
  const { id } = await runProc(client, { command });
  const fillUpTo = async (leftBytes: number) => {
    const { bavail, bsize } = await statfs(seen);
    const bytes = Math.floor((bavail * bsize - leftBytes) / MIB) * MIB;
    await appendFile(join(seen, "ballast"), Buffer.alloc(bytes, 1));
  };

  await fillUpTo(10 * MIB);
  const refused = await client.createProc({ app: "test", name: "late", command });
  const { state, exit } = await untilExited(client, refused.id);
  assert.deepEqual([state, exit?.reason], ["fail", "disk"]);
  assert.match(exit?.message ?? "", /^Cannot start: the host's disk has \d+ MiB left, and 1\d MiB are kept/);

  await fillUpTo(0);
  await until("the proc that runs is told full", async () =>
    (await eventsSoFar(client)).some(({ type, procId }) => type === "proc.disk-full" && procId === id),
  );
  assert.equal((await client.getProc(id)).state, "running");

  await rm(join(seen, "ballast"));
  await runProc(client, { command });
}

test("where there are no loop devices, procs run without the limit, and one that asks for it is refused", async () => {
  const hide = 'for loop in /dev/loop*; do mount --bind /dev/null "$loop"; done; exec "$@"';
  await using daemon = await startDaemon({ wrapper: ["unshare", "--mount", "sh", "-c", hide, "sh"] });
  const { client } = daemon;
  const { appDisk } = await client.info();
  assert.equal(appDisk.kind, "none");
  assert.match(appDisk.reason, /^Cannot make a disk for \/app: mount: /);
  assert.match(daemon.log(), /no limit on what procs write to \/app/);
  const { digest: image } = await client.pushImage(await packDirectory(PROGRAMS));
  // The control of all the above: without the disk nothing else holds the app back.
  const command = ["python3", "fill_app.py", "in_bytes"];
  const { id } = await runProc(client, { image, command });
  const { exit } = await untilExited(client, id);
  assert.deepEqual([exit?.code, await linesOf(client, id)], [0, ["no limit"]]);
  await assert.rejects(runProc(client, { image, command, limits: { appBytes: APP_BYTES } }), {
    code: "unbounded-app",
  });
});

async function startFilling(daemon: TestDaemon, words: string[], appBytes = APP_BYTES): Promise<Proc> {
  const { digest: image } = await daemon.client.pushImage(await packDirectory(PROGRAMS));
  const command = ["python3", "fill_app.py", ...words];
  return await runProc(daemon.client, { image, command, limits: { appBytes } });
}

/** An image of `many/`, each with a kibibyte in it, beside the program. */
async function packManyFiles(count: number): Promise<Uint8Array<ArrayBuffer>> {
  const dir = await mkdtemp("/var/tmp/sharku-many-");
  try {
    await writeFile(join(dir, "fill_app.py"), await readFile(join(PROGRAMS, "fill_app.py")));
    await mkdir(join(dir, "many"));
    const text = "x".repeat(1024);
    for (let number = 0; number < count; number += 1)
      await writeFile(join(dir, "many", String(number)), text);
    return await packDirectory(dir);
  } finally {
    await rm(dir, { recursive: true });
  }
}

/** The loop devices of images that were made below that directory. */
async function disks(stateDir: string): Promise<string[]> {
  const names = await readdir("/sys/block");
  const files = await Promise.all(
    names.map((name) => readFile(`/sys/block/${name}/loop/backing_file`, "utf8").catch(() => "")),
  );
  return files.filter((file) => file.startsWith(`${stateDir}/`));
}

async function parentOf(pid: number): Promise<number> {
  return Number(/^PPid:\t(\d+)/m.exec(await readProc(pid, "status"))?.[1]);
}
