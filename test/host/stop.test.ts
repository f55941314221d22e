import assert from "node:assert/strict";
import { test } from "node:test";
import { SharkuError } from "../../src/client/client.ts";
import { until } from "../until.ts";
import { PROGRAMS, packDirectory } from "./archive.ts";
import { startDaemon } from "./harness.ts";
import { isGone, linesOf, runProc, untilExited, untilLine } from "./proc-calls.ts";
import { pidsOfProc } from "./processes.ts";

test("stop, kill and delete end a proc as they promise", async (context) => {
  await using daemon = await startDaemon();
  const { client } = daemon;
  const image = (await client.pushImage(await packDirectory(PROGRAMS))).digest;
  const runPython = async (file: string) => {
    const proc = await runProc(client, { image, command: ["python3", file] });
    await untilLine(client, proc.id, /^(ready|line 1)$/);
    return proc;
  };

  await context.test("the app gets SIGTERM and the time to say goodbye", async () => {
    const { id } = await runPython("print-forever.py");
    assert.equal((await client.stopProc(id)).state, "running", "the call answers at once");
    const { state, exit } = await untilExited(client, id);
    assert.match((await linesOf(client, id)).at(-1) ?? "", /^printed \d+$/);
    assert.deepEqual([state, exit?.code, exit?.signal, exit?.killed], ["done", 0, null, false]);
  });

  await context.test("one that ignores SIGTERM is killed when its grace is over, not before", async () => {
    const { id } = await runPython("ignore-sigterm.py");
    const before = performance.now();
    await client.stopProc(id, { graceMs: 1000 });
    await untilLine(client, id, /^no$/);
    assert.equal((await client.getProc(id)).state, "stopping");
    const { exit } = await untilExited(client, id);
    assert.ok(performance.now() - before >= 1000);
    assert.deepEqual([exit?.reason, exit?.code, exit?.killed], ["stopped", 137, true]);
    assert.deepEqual(await pidsOfProc(id), []);
  });

  await context.test("a second stop shortens the grace of the first", async () => {
    const { id } = await runPython("ignore-sigterm.py");
    await client.stopProc(id, { graceMs: 600_000 });
    await untilLine(client, id, /^no$/);
    await client.stopProc(id, { graceMs: 0 });
    assert.equal((await untilExited(client, id)).exit?.killed, true);
  });

  await context.test("with target all, what a shell runs gets the signal, too, and its time", async () => {
    const run = async (target: "main" | "all") => {
      const command = "cd /app && python3 print-forever.py; true";
      const { id, stop } = await runProc(client, { image, command, stop: { target } });
      assert.equal(stop.target, target);
      await untilLine(client, id, /^line 1$/);
      await client.stopProc(id);
      const { exit } = await untilExited(client, id);
      assert.deepEqual([exit?.reason, exit?.killed], ["stopped", false]);
      return (await linesOf(client, id)).at(-1) ?? "";
    };
    assert.match(await run("all"), /^printed \d+$/);
    assert.doesNotMatch(await run("main"), /^printed/, "the shell ends at once, and with it all else");
  });

  await context.test("with target all, the main process gets the signal when it is alone", async () => {
    const { id } = await runProc(client, {
      ...{ image, command: ["python3", "print-forever.py"], stop: { target: "all" } },
    });
    await untilLine(client, id, /^line 1$/);
    await client.stopProc(id);
    const { exit } = await untilExited(client, id);
    assert.deepEqual([exit?.reason, exit?.killed, exit?.code], ["stopped", false, 0]);
  });

  await context.test("with target all, one that ignores it is killed when the grace is over", async () => {
    const command = "cd /app && python3 ignore-sigterm.py; true";
    const { id } = await runProc(client, { image, command, stop: { target: "all", graceMs: 1000 } });
    await untilLine(client, id, /^(ready|line 1)$/);
    await client.stopProc(id);
    await untilLine(client, id, /^no$/);
    const { exit } = await untilExited(client, id);
    assert.deepEqual([exit?.reason, exit?.code, exit?.killed], ["stopped", 137, true]);
    assert.deepEqual(await pidsOfProc(id), []);
  });

  await context.test("another signal may be asked for", async () => {
    const { id } = await runPython("print-forever.py");
    await client.stopProc(id, { signal: "SIGUSR1" });
    const { exit } = await untilExited(client, id);
    assert.deepEqual([exit?.signal, exit?.code, exit?.reason], ["SIGUSR1", 138, "stopped"]);
  });

  await context.test("case 50: all that the app has started ends with it", async () => {
    const command = "setsid sleep 1000 & (setsid sleep 1000 & exec setsid sleep 1000) & sleep 1000";
    const { id } = await runProc(client, { command });
    await until("all of them run", async () => (await pidsOfProc(id)).length >= 6);
    await client.stopProc(id);
    await untilExited(client, id);
    assert.deepEqual(await pidsOfProc(id), []);
  });

  await context.test("stopping one that has ended changes nothing", async () => {
    const { id } = await runProc(client, { command: ["true"] });
    const ended = await untilExited(client, id);
    assert.deepEqual(await client.stopProc(id), ended);
  });

  await context.test("a deleted proc is there until its app has ended, then gone", async () => {
    const { id } = await runPython("ignore-sigterm.py");
    await client.deleteProc(id, { graceMs: 700 });
    await client.deleteProc(id);
    await untilLine(client, id, /^no$/);
    assert.equal((await client.getProc(id)).state, "stopping");
    await until("it is gone", () => isGone(client, id));
    assert.deepEqual(await pidsOfProc(id), []);
    const notFound = (error: unknown) => error instanceof SharkuError && error.status === 404;
    await assert.rejects(client.deleteProc(id), notFound);
    await assert.rejects(client.stopProc(id), notFound);
    await assert.rejects(Array.fromAsync(client.procLogs(id)), notFound);
  });

  await context.test("one deleted at once after it was created leaves nothing", async () => {
    for (let round = 0; round < 5; round += 1) {
      const { id } = await client.createProc({ app: "brief", name: "one", command: ["sleep", "1000"] });
      await client.deleteProc(id, { graceMs: 0 });
      await until("it is gone", () => isGone(client, id));
      assert.deepEqual(await pidsOfProc(id), []);
    }
  });
});
