import assert from "node:assert/strict";
import { test } from "node:test";
import type { ProcPatch } from "../../src/client/client.ts";
import { PROGRAMS, packDirectory } from "./archive.ts";
import { isSharkuError } from "./expect-error.ts";
import { startDaemon } from "./harness.ts";
import { ask, eventsSoFar, runProc, untilExited, untilLine } from "./proc-calls.ts";

const MIB = 2 ** 20;

test("the limits of a running proc can be changed, and hold at once", async (context) => {
  await using daemon = await startDaemon();
  const { client } = daemon;
  const { digest: image } = await client.pushImage(await packDirectory(PROGRAMS));
  const limits = { memoryBytes: 64 * MIB, pids: 8 };
  const proc = await runProc(client, { image, command: ["python3", "obey.py"], limits });
  await untilLine(client, proc.id, /ready/);
  await ask(proc, "/hold/30");
  const change = (changed: NonNullable<ProcPatch["limits"]>) =>
    client.patchProc(proc.id, { limits: changed });

  await context.test("pids: more, and then again no more than that", async () => {
    // The init and the program are two of them.
    assert.equal(Number(await ask(proc, "/fork/20")), 6);
    await change({ pids: 12 });
    assert.equal(Number(await ask(proc, "/fork/20")), 10);
    await change({ pids: 8 });
    assert.equal(Number(await ask(proc, "/fork/1")), 10, "those that live are let live");
  });

  await context.test("cpus: a quota comes and goes", async () => {
    const share = async () => Number(await ask(proc, "/spin/1000")) / 1000;
    await change({ cpus: 0.2 });
    const little = await share();
    assert.ok(little < 0.4, `a fifth of a CPU gave ${little}`);
    const { limits: now } = await change({ cpus: null });
    assert.equal(now.cpus, null);
    const all = await share();
    assert.ok(all > little, `no quota gave ${all}, a fifth of a CPU ${little}`);
  });

  await context.test("memory: less than is in use is refused, and nothing is changed", async () => {
    await assert.rejects(
      change({ memoryBytes: 20 * MIB, pids: 100 }),
      (error) => isSharkuError(error, "limit-in-use") && /are in use/.test(String(error)),
    );
    assert.deepEqual((await client.getProc(proc.id)).limits, { ...proc.limits, ...limits });
    assert.equal(Number(await ask(proc, "/fork/1")), 10, "nor the other limits of that call");
    await ask(proc);
  });

  await context.test("memory: more, and the daemon's death changes nothing", async () => {
    await change({ memoryBytes: 256 * MIB });
    await daemon.kill9();
    await daemon.start();
    await ask(proc, "/hold/100");
    assert.equal((await client.getProc(proc.id)).limits.memoryBytes, 256 * MIB);
  });

  await context.test("memory: lowered to what leaves room, it kills at that", async () => {
    await change({ memoryBytes: 180 * MIB });
    await fetch(`http://${proc.address}/hold/100`).catch(() => undefined);
    const { exit } = await untilExited(client, proc.id);
    assert.deepEqual([exit?.reason, exit?.oom], ["oom", true]);
    assert.match(exit?.message ?? "", /180 MiB/);
  });

  await context.test("one that has ended keeps its limits", async () => {
    await assert.rejects(change({ pids: 50 }), (error) => isSharkuError(error, "proc-ended"));
  });

  await context.test("every change is in the journal, and no refusal is", async () => {
    const changes = (await eventsSoFar(client)).filter(({ type }) => type === "proc.changed");
    assert.deepEqual(
      changes.map(({ proc: { limits: told } }) => [told.pids, told.cpus, told.memoryBytes / MIB]),
      [
        [12, null, 64],
        [8, null, 64],
        [8, 0.2, 64],
        [8, null, 64],
        [8, null, 256],
        [8, null, 180],
      ],
    );
  });
});
