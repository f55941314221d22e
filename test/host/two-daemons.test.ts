import assert from "node:assert/strict";
import { once } from "node:events";
import { chmod, mkdir, mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import { test } from "node:test";
import { PROGRAMS, packDirectory } from "./archive.ts";
import { argumentsOf, startDaemon, startRefused, type TestDaemon } from "./harness.ts";
import { assertSame, takeLedger } from "./ledger.ts";
import { ask, linesOf, runProc, untilExited, untilLine } from "./proc-calls.ts";
import { pidsOfProc } from "./processes.ts";

test("two daemons live side by side, and the death of one is nothing to the other", async (context) => {
  await using one = await startDaemon();
  await using other = await startDaemon();
  const webs = await Promise.all([one, other].map((daemon) => runWeb(daemon)));
  const [ofOne, ofOther] = [webs[0] ?? assert.fail(), webs[1] ?? assert.fail()];

  await context.test("they share no instance, no port and no address", async () => {
    const infos = await Promise.all([one.client.info(), other.client.info()]);
    assert.notEqual(infos[0]?.instance, infos[1]?.instance);
    assert.notEqual(ofOne.port, ofOther.port);
    assert.match(await ask(ofOne), /^\d+$/m);
    assert.match(await ask(ofOther), /^\d+$/m);
  });

  const [before, pids] = [await takeLedger(other.places), await pidsOfProc(ofOther.id)];
  const pidsOfOne = await pidsOfProc(ofOne.id);

  await context.test("one is killed: the other keeps all it has, and works on", async () => {
    await one.kill9();
    await assertSame(before, other.places);
    assert.deepEqual(await pidsOfProc(ofOther.id), pids);
    assert.match(await ask(ofOther), /^\d+$/m);
    await createAndDelete(other);
    await assertSame(before, other.places);
  });

  await context.test("it is started again: both have what they had", async () => {
    await one.start();
    assert.deepEqual(await pidsOfProc(ofOne.id), pidsOfOne);
    assert.match(await ask(ofOne), /^\d+$/m);
    await createAndDelete(one);
    assert.match(await ask(ofOther), /^\d+$/m);
    await assertSame(before, other.places);
  });

  await context.test("one ends with nothing left, and takes nothing of the other along", async () => {
    await one.deleteAll();
    await one.stop();
    await assertSame(before, other.places);
    assert.match(await ask(ofOther), /^\d+$/m);
  });
});

test("a daemon that cannot start says why in one line, exits 78 and changes nothing", async (context) => {
  await using daemon = await startDaemon();
  const web = await runWeb(daemon);
  const before = await takeLedger(daemon.places);
  const scratch = await mkdtemp("/var/lib/sharku-test-refused-");
  await chmod(scratch, 0o711);
  await using _ = { [Symbol.asyncDispose]: () => rm(scratch, { recursive: true }) };
  const free = { ...daemon.places, stateDir: join(scratch, "state"), runDir: join(scratch, "run") };
  const closed = join(scratch, "closed");
  await mkdir(closed, { mode: 0o700 });

  const cases: readonly (readonly [title: string, args: readonly string[], why: RegExp])[] = [
    [
      "on a state directory that another has",
      argumentsOf({ ...free, stateDir: daemon.places.stateDir, listenPort: daemon.places.lastPort }),
      /another daemon has it/,
    ],
    [
      "on a run directory that another has",
      argumentsOf({ ...free, runDir: daemon.places.runDir, listenPort: daemon.places.lastPort }),
      /another daemon/,
    ],
    ["on a busy address", argumentsOf(free), /Cannot listen on "127\.0\.0\.1:\d+": .*EADDRINUSE/],
    [
      "below a closed directory",
      argumentsOf({ ...free, stateDir: join(closed, "state"), listenPort: daemon.places.lastPort }),
      /closed to others.*chmod o\+x/,
    ],
    ["on an address that others can reach", ["--listen", "0.0.0.0:7420"], /no loopback address/],
    ["with an option that is none", ["--no-such-option"], /--no-such-option/],
    ["with a range that is none", ["--port-range", "9-2"], /Cannot use port range "9-2"/],
  ];
  for (const [title, args, why] of cases) {
    await context.test(title, async () => {
      const { code, stderr } = await startRefused(args);
      const words = stderr.split("\n").filter((line) => line.startsWith("sharku: "));
      assert.equal(code, 78, stderr);
      assert.equal(words.length, 1, stderr);
      assert.equal(stderr, `${words[0]}\n`, "nothing but the one line");
      assert.match(stderr, why);
      await assertSame(before, daemon.places);
      const { cgroups, interfaces, processes } = await takeLedger(free);
      assert.deepEqual({ cgroups, interfaces, processes }, { cgroups: [], interfaces: [], processes: [] });
      assert.match(await ask(web), /^\d+$/m);
    });
  }
});

test("a daemon that cannot be started again leaves its procs as they were", async () => {
  await using daemon = await startDaemon();
  const web = await runWeb(daemon);
  await daemon.kill9();
  // The dead one's, which nobody needs.
  await rm(daemon.places.socket);
  const before = await takeLedger(daemon.places);
  const busy = createServer().listen(daemon.places.listenPort, "127.0.0.1");
  await once(busy, "listening");
  const { code, stderr } = await startRefused(argumentsOf(daemon.places));
  await new Promise((resolve) => busy.close(resolve));
  assert.equal(code, 78, stderr);
  await assertSame(before, daemon.places);
  assert.match(await ask(web), /^\d+$/m);
  await daemon.start();
  assert.match(await ask(web), /^\d+$/m);
});

async function runWeb(daemon: TestDaemon) {
  const { digest } = await daemon.client.pushImage(await packDirectory(PROGRAMS));
  const proc = await runProc(daemon.client, { image: digest, command: ["python3", "obey.py"] });
  await untilLine(daemon.client, proc.id, /^ready$/);
  return proc;
}

async function createAndDelete({ client }: TestDaemon): Promise<void> {
  const { id } = await runProc(client, { command: ["echo", "hello"] });
  await untilExited(client, id);
  assert.deepEqual(await linesOf(client, id), ["hello"]);
  await client.deleteProc(id);
}
