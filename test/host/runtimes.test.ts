import assert from "node:assert/strict";
import { copyFile, mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { makeTar } from "../make-tar.ts";
import { until } from "../until.ts";
import { PROGRAMS, packDirectory } from "./archive.ts";
import { isSharkuError } from "./expect-error.ts";
import { startDaemon, type TestDaemon } from "./harness.ts";
import { assertSame, takeLedger } from "./ledger.ts";
import { ask, linesOf, runProc, untilExited, untilLine } from "./proc-calls.ts";

/** The same life of a proc by each runtime: what differs on purpose is in docs/runtimes.md. */

const RUNTIMES = ["crun", "runc", "runsc"];

test("a proc lives and ends the same by each runtime, over the death of the daemon", async (context) => {
  await using daemon = await startDaemon();
  await daemon.stop();
  const before = await takeLedger(daemon.places);
  await daemon.start();
  const { digest: image } = await daemon.client.pushImage(await packDirectory(PROGRAMS));
  for (const runtime of RUNTIMES) {
    await context.test(runtime, () => liveOnce(daemon, { runtime, image }));
  }
  await daemon.client.deleteImage(image);
  await daemon.stop();
  await assertSame(before, daemon.places);
  await daemon.start();
});

async function liveOnce(
  daemon: TestDaemon,
  { runtime, image }: { runtime: string; image: string },
): Promise<void> {
  const { client } = daemon;
  const spec = { image, runtime, command: ["python3", "obey.py"] };
  const [web, crasher, hog] = await Promise.all([
    runProc(client, spec),
    runProc(client, spec),
    runProc(client, { ...spec, limits: { memoryBytes: 128 * 2 ** 20 } }),
  ]);
  assert.equal(web.runtime, runtime);
  await untilLine(client, web.id, /^ready$/);
  assert.match(await ask(web, "/print/3"), /^\d+$/m);

  await daemon.kill9();
  await daemon.start();
  assert.equal((await client.getProc(web.id)).state, "running");
  assert.match(await ask(web, "/print/1"), /^\d+$/m);
  await until("its lines are in the log", async () => (await linesOf(client, web.id)).length === 5);
  assert.deepEqual(await linesOf(client, web.id), ["ready", "line 1", "line 2", "line 3", "line 1"]);

  await ask(crasher, "/exit/7");
  const crashed = await untilExited(client, crasher.id);
  assert.deepEqual([crashed.exit?.code, crashed.exit?.reason], [7, "crashed"]);

  await ask(hog, "/hold/200").catch(() => undefined);
  const killed = await untilExited(client, hog.id);
  assert.deepEqual([killed.exit?.oom, killed.exit?.reason], [true, "oom"], killed.exit?.message);

  await client.stopProc(web.id, { graceMs: 20_000 });
  const stopped = await untilExited(client, web.id);
  assert.deepEqual([stopped.exit?.reason, stopped.exit?.killed, stopped.exit?.code], ["stopped", false, 0]);
  for (const { id } of [web, crasher, hog]) await client.deleteProc(id);
  await until("nothing is left of them", async () => (await client.listProcs()).items.length === 0);
}

const secrets = [
  { name: "plain", body: Buffer.from("plain\n") },
  { name: "key", body: Buffer.from("secret\n"), mode: 0o600 },
  { name: "closed/", type: "5", mode: 0o700 },
  { name: "closed/inner", body: Buffer.from("inner\n") },
  { name: Buffer.from("latin-\xe9", "latin1"), body: Buffer.from("latin\n"), mode: 0o600 },
];

test("what only its owner may read in an image is the app's by each runtime, and the rest is read", async (context) => {
  await using daemon = await startDaemon();
  const { client } = daemon;
  const image = (await client.pushImage(new Uint8Array(makeTar(secrets)))).digest;
  const script = [
    "cat plain key closed/inner latin-*",
    "echo changed > key && cat key",
    "echo new > new && cat new",
    "cd /tmp && echo tmp > x && cat x",
  ].join("\n");
  for (const runtime of RUNTIMES) {
    await context.test(runtime, async () => {
      const { id } = await client.createProc({
        ...{ app: "test", name: "one", image, runtime, command: ["/bin/sh", "-c", script] },
      });
      await untilExited(client, id);
      const wanted = ["plain", "secret", "inner", "latin", "changed", "new", "tmp"];
      assert.deepEqual(await linesOf(client, id), wanted);
    });
  }
});

test("the daemon tells what it has found of its runtimes, and refuses one that it has not", async () => {
  await using daemon = await startDaemon({ env: { SHARKU_ADD_RUNTIME: "absent=/nowhere/runtime" } });
  const { client } = daemon;
  const { runtimes, runtime } = await client.info();
  assert.deepEqual(
    runtimes.map(({ name, usable, isDefault }) => [name, usable, isDefault]),
    [
      ["crun", true, true],
      ["runc", true, false],
      ["runsc", true, false],
      ["absent", false, false],
    ],
  );
  const [crun, runc, runsc, absent] = runtimes;
  assert.equal(runtime.version, crun?.version);
  assert.equal(crun?.features["mappedBinds"], true);
  assert.equal(crun.features["readyMadeSeccomp"], true);
  assert.equal(runsc?.features["overlayMounts"], false);
  assert.match(runc?.version ?? "", /^\d+\.\d+/);
  assert.match(absent?.problems.join() ?? "", /nowhere\/runtime is not there/);
  await assert.rejects(
    client.createProc({ app: "test", name: "one", runtime: "absent", command: ["true"] }),
    (error) => isSharkuError(error, "unknown-runtime"),
  );
});

test("a runtime that fails once while it is tried is known for what it can do", async () => {
  const dir = await mkdtemp(join(tmpdir(), "sharku-fakes-"));
  const program = join(dir, "once-create");
  await copyFile(join(PROGRAMS, "fake-runtime.sh"), program);
  try {
    await using daemon = await startDaemon({ env: { SHARKU_ADD_RUNTIME: `once=${program}` } });
    const featuresOf = async (name: string) =>
      (await daemon.client.info()).runtimes.find((runtime) => runtime.name === name)?.features;
    await until("both are tried", async () =>
      (await daemon.client.info()).runtimes.every(({ problems }) => !problems.includes("not tried yet")),
    );
    assert.equal(await readFile(`${program}.done`, "utf8"), "");
    assert.deepEqual(await featuresOf("once"), await featuresOf("crun"));
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
});
