import assert from "node:assert/strict";
import { test } from "node:test";
import type { ProcSpec, SharkuClient } from "../../src/client/client.ts";
import type { Exit } from "../../src/contract/proc.ts";
import { stretched, until } from "../until.ts";
import { PROGRAMS, packDirectory } from "./archive.ts";
import { startDaemon } from "./harness.ts";
import { eventsSoFar, runProc, untilExited, untilLine } from "./proc-calls.ts";

const limits = { memoryBytes: 64 * 2 ** 20 };
const OTHERS = /the kernel had killed other processes of it for want of memory/;
const UNSURE = /most likely/;

async function procsOf({ client }: { client: SharkuClient }) {
  const { digest: image } = await client.pushImage(await packDirectory(PROGRAMS));
  const run = (command: ProcSpec["command"] & {}) => runProc(client, { image, command, limits });
  const endOf = async (command: ProcSpec["command"] & {}): Promise<Exit> => {
    const { id } = await client.createProc({ app: "test", name: "one", image, command, limits });
    return (await untilExited(client, id)).exit ?? assert.fail("it has no exit");
  };
  return { run, endOf };
}

/** Has it lose a child, waits until that is told, and has it kill itself then. */
async function loseThenDie(client: SharkuClient, id: string): Promise<Exit> {
  await untilLine(client, id, /^child ended by 9$/);
  await until("the child's end is told", async () => (await oomEvents(client, id)).length > 0);
  assert.equal((await client.getProc(id)).state, "running");
  await client.signalProc(id, { signal: "SIGUSR1" });
  return (await untilExited(client, id)).exit ?? assert.fail("it has no exit");
}

async function oomEvents(client: SharkuClient, id: string) {
  return (await eventsSoFar(client)).filter(({ type, procId }) => type === "proc.oom" && procId === id);
}

test("the reason is oom where the kernel has killed the main process, and nowhere else", async (context) => {
  await using daemon = await startDaemon();
  const { client } = daemon;
  const { run, endOf } = await procsOf(daemon);

  await context.test("the main process", async () => {
    const exit = await endOf(["python3", "use-up.py", "memory"]);
    assert.deepEqual([exit.reason, exit.code, exit.oom], ["oom", 137, true]);
    assert.match(exit.message, /limit of 64 MiB and the kernel killed it$/);
  });

  await context.test("the main process of a line that is one program, too", async () => {
    assert.equal((await endOf("python3 use-up.py memory")).reason, "oom");
  });

  await context.test("a child that is killed while the proc goes on is an event, once", async () => {
    const { id } = await run(["python3", "lose_child.py", "wait"]);
    const exit = await loseThenDie(client, id);
    assert.deepEqual([exit.reason, exit.code, exit.oom], ["signaled", 137, true]);
    assert.match(exit.message, OTHERS);
    const [told, ...more] = await oomEvents(client, id);
    assert.deepEqual([told?.proc.state, more], ["running", []]);
  });

  await context.test("a child right before its parent kills itself", async () => {
    const exit = await endOf(["python3", "lose_child.py", "kill"]);
    assert.deepEqual([exit.reason, exit.code, exit.oom], ["signaled", 137, true]);
    assert.match(exit.message, OTHERS);
  });

  await context.test("a child, after which its parent exits", async () => {
    const exit = await endOf(["python3", "lose_child.py", "exit"]);
    assert.deepEqual([exit.reason, exit.code, exit.oom], ["crashed", 1, true]);
    assert.match(exit.message, OTHERS);
  });

  await context.test("a program that a shell runs is not the shell", async () => {
    const exit = await endOf("cd /app && python3 use-up.py memory; exit $?");
    assert.deepEqual([exit.reason, exit.code, exit.oom], ["signaled", 137, true]);
    assert.match(exit.message, OTHERS);
  });

  await context.test("nobody was killed but by itself", async () => {
    const exit = await endOf(["sh", "-c", "kill -9 $$"]);
    assert.deepEqual([exit.reason, exit.code, exit.oom], ["signaled", 137, false]);
    assert.doesNotMatch(exit.message, OTHERS);
  });

  await context.test("the next daemon knows it as well", async () => {
    const hog = "python3 -c 'import time; time.sleep(PAUSE); x = b\"x\" * 2**27'";
    const pause = stretched(2_000) / 1000;
    const [late, now] = await Promise.all([
      run(["python3", "lose_child.py", "wait"]),
      run(hog.replace("PAUSE", String(pause))),
    ]);
    await untilLine(client, late.id, /^child ended by 9$/);
    await daemon.kill9();
    await daemon.start();
    assert.equal((await untilExited(client, now.id)).exit?.reason, "oom");
    await client.signalProc(late.id, { signal: "SIGUSR1" });
    assert.equal((await untilExited(client, late.id)).exit?.reason, "signaled");
  });
});

test("where the kernel's log cannot be read, the count tells, and what is not sure says so", async () => {
  const hide = 'mount --bind /dev/null /dev/kmsg && exec "$@"';
  await using daemon = await startDaemon({
    wrapper: ["unshare", "--mount", "--propagation", "slave", "sh", "-c", hide, "sh"],
  });
  const { run, endOf } = await procsOf(daemon);
  const main = await endOf(["python3", "use-up.py", "memory"]);
  assert.deepEqual([main.reason, main.oom], ["oom", true]);
  assert.match(main.message, UNSURE);
  const { id } = await run(["python3", "lose_child.py", "wait"]);
  const late = await loseThenDie(daemon.client, id);
  assert.deepEqual([late.reason, late.oom], ["signaled", true]);
  assert.match(late.message, OTHERS);
});
