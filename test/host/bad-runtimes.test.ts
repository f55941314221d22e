import assert from "node:assert/strict";
import { copyFile, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { tryCommand } from "../../src/lib/run-command.ts";
import { until } from "../until.ts";
import { PROGRAMS } from "./archive.ts";
import { startDaemon, startRefused, type TestDaemon } from "./harness.ts";
import { assertSame, takeLedger } from "./ledger.ts";
import { makePlaces, removePlaces } from "./places.ts";
import { isGone, linesOf, runProc, untilExited, untilLine } from "./proc-calls.ts";

/** Runtimes that fail, hang, lie and spew, each in one of their commands: cases 100 to 102. */

/** Long enough for a runtime that works, also where others work beside it. */
const TIMEOUT_S = 4;
const MESSAGE_CHARS_MAX = 4200;

/** What comes of a proc by each, which is expected to fail. */
const failing: Readonly<Record<string, RegExp>> = {
  "exit-create": /this one fails at create/,
  "segv-create": /Cannot create the container/,
  "garbage-create": /Cannot create the container/,
  "spew-create": /Cannot create the container/,
  "hang-create": /no answer in 4 s/,
  "nothing-create": /Cannot create the container/,
  "after-create": /this one fails after create/,
  "exit-start": /this one fails at start/,
  "segv-start": /SIGSEGV/,
  "hang-start": /no end in 4000 ms/,
  "nothing-start": /says that its command runs, and it does not/,
  "after-start": /this one fails after start/,
};

/** Those that fail where it does no harm: the proc runs, outlives the daemon and is stopped. */
const harmless = [
  ...["exit-state", "garbage-state", "hang-state", "nothing-state"],
  ...["exit-kill", "hang-kill", "exit-delete", "hang-delete", "nothing-delete"],
];

test("a runtime that fails, hangs or lies fails its procs in bounded time, and holds up nobody else", async (context) => {
  await using fakes = await makeFakes([...Object.keys(failing), ...harmless]);
  await using daemon = await startDaemon({ env: fakes.env });
  const { client } = daemon;
  await until("each runtime is tried", async () =>
    (await client.info()).runtimes.every(({ problems }) => !problems.includes("not tried yet")),
  );
  await daemon.stop();
  await until("nothing is left of its trials", async () => (await pidsLeft(daemon)).length === 0);
  const before = await takeLedger(daemon.places);
  await daemon.start();

  const procs = await Promise.all(
    Object.keys(failing).map((runtime) =>
      client.createProc({ app: "test", name: "one", runtime, command: ["sleep", "1000"] }),
    ),
  );
  for (const { id, runtime } of procs) {
    await context.test(`cases 100 to 102: ${runtime}`, async () => {
      const { exit, state } = await untilExited(client, id);
      assert.deepEqual([state, exit?.reason, exit?.code], ["fail", "runtime", null], exit?.message);
      assert.match(exit?.message ?? "", failing[runtime] ?? /^$/);
      assert.ok((exit?.message.length ?? 0) <= MESSAGE_CHARS_MAX);
      await assertAlive(daemon);
    });
  }
  await context.test("a proc by a good runtime runs beside them", async () => {
    const { id } = await runProc(client, { command: ["echo", "well"] });
    await untilLine(client, id, /^well$/);
  });
  await daemon.deleteAll();
  await daemon.stop();
  await assertSame(before, daemon.places);
  await daemon.start();
});

test("a runtime that fails only at telling, signalling or deleting does its procs no harm", async (context) => {
  await using fakes = await makeFakes(harmless);
  await using daemon = await startDaemon({ env: fakes.env });
  const { client } = daemon;
  const command = ["sh", "-c", "trap 'echo asked; exit 3' TERM; echo ready; while :; do sleep 0.1; done"];
  const procs = await Promise.all(harmless.map((runtime) => runProc(client, { runtime, command })));
  for (const { id } of procs) await untilLine(client, id, /^ready$/);
  await daemon.kill9();
  await daemon.start();
  for (const { id, runtime } of procs) {
    await context.test(`cases 100 and 101: ${runtime}`, async () => {
      await until("it is looked at", async () => (await client.getProc(id)).state === "running");
      await client.stopProc(id, { graceMs: 60_000 });
      const { exit } = await untilExited(client, id);
      assert.deepEqual([exit?.reason, exit?.code, exit?.killed], ["stopped", 3, false], exit?.message);
      assert.deepEqual(await linesOf(client, id), ["ready", "asked"]);
      await assertAlive(daemon);
    });
  }
});

test("a stop and a delete wait for no runtime that hangs, and neither does the daemon's readiness", async () => {
  await using fakes = await makeFakes(["hang-create", "hang-start"]);
  // Longer than any wait of this test.
  const env = { ...fakes.env, SHARKU_RUNTIME_TIMEOUT: "600" };
  await using daemon = await startDaemon({ env });
  const { client } = daemon;
  for (const runtime of ["hang-create", "hang-start"]) {
    const spec = { app: "test", name: "one", runtime, command: ["sleep", "1000"] };
    const stopped = await client.createProc(spec);
    const deleted = await client.createProc(spec);
    for (const { id } of [stopped, deleted])
      await until("it is being started", async () => (await client.getProc(id)).state === "boot");
    await client.stopProc(stopped.id, { graceMs: 100 });
    await client.deleteProc(deleted.id, { graceMs: 100 });
    const { state, exit, startedAt } = await untilExited(client, stopped.id);
    assert.deepEqual([state, exit?.reason, exit?.code, startedAt], ["done", "stopped", null, null]);
    await until("it is gone", () => isGone(client, deleted.id));
  }
  const left = await client.createProc({
    app: "test",
    name: "one",
    runtime: "hang-create",
    command: ["true"],
  });
  await until("it is being started", async () => (await client.getProc(left.id)).state === "boot");
  await daemon.kill9();
  await daemon.start();
  await client.deleteProc(left.id, { graceMs: 0 });
  await until("it is gone", () => isGone(client, left.id));
});

test("the procs of a runtime that is gone run on, and can be stopped and deleted", async () => {
  await using fakes = await makeFakes(["other-none"]);
  await using daemon = await startDaemon({ env: fakes.env });
  const { client } = daemon;
  await daemon.stop();
  const before = await takeLedger(daemon.places);
  await daemon.start();
  const stopped = await runProc(client, { runtime: "other-none", command: ["sleep", "1000"] });
  await runProc(client, { runtime: "other-none", command: ["sleep", "1000"] });
  await daemon.kill9();
  await fakes.remove();
  await daemon.start();
  await until("it is found", async () => (await client.getProc(stopped.id)).state === "running");
  await client.stopProc(stopped.id, { graceMs: 10_000 });
  assert.equal((await untilExited(client, stopped.id)).exit?.reason, "stopped");
  await daemon.deleteAll();
  await daemon.stop();
  await assertSame(before, daemon.places);
  await daemon.start();
});

test("a default runtime that is not there is told in one line, and the code is 78", async () => {
  const places = await makePlaces();
  try {
    const args = ["--state-dir", places.stateDir, "--run-dir", places.runDir];
    const wrong = ["--add-runtime", "gone=/nowhere/gone", "--runtime", "gone"];
    const { code, stderr } = await startRefused([...args, ...wrong]);
    assert.equal(code, 78, stderr);
    assert.match(
      stderr,
      /^sharku: Cannot start: the default runtime is gone, and \/nowhere\/gone is no program.*\n$/,
    );
  } finally {
    await removePlaces(places);
  }
});

test("a program that the daemon lacks is told in one line, and the code is 78", async () => {
  const places = await makePlaces();
  try {
    const script = join(PROGRAMS, "../../src/sharku.ts");
    const args = [script, "serve", "--state-dir", places.stateDir, "--run-dir", places.runDir];
    const { code, stderr } = await tryCommand([process.execPath, ...args], { env: { PATH: "/nowhere" } });
    assert.equal(code, 78, stderr);
    assert.match(stderr, /^sharku: Cannot start: there is no \w+, which .*sharku doctor.*\n$/);
  } finally {
    await removePlaces(places);
  }
});

async function pidsLeft({ places }: TestDaemon): Promise<readonly string[]> {
  return (await takeLedger(places))["processes"] ?? [];
}

async function assertAlive({ baseUrl }: TestDaemon): Promise<void> {
  assert.equal((await fetch(`${baseUrl}/livez`)).status, 200);
}

/** A runtime for each name, which tells it how to fail. */
async function makeFakes(names: readonly string[]) {
  const dir = await mkdtemp(join(tmpdir(), "sharku-fakes-"));
  for (const name of names) await copyFile(join(PROGRAMS, "fake-runtime.sh"), join(dir, name));
  const remove = () => rm(dir, { recursive: true, force: true });
  return {
    env: {
      SHARKU_ADD_RUNTIME: names.map((name) => `${name}=${join(dir, name)}`).join(","),
      SHARKU_RUNTIME_TIMEOUT: String(TIMEOUT_S),
    },
    remove,
    [Symbol.asyncDispose]: remove,
  };
}
