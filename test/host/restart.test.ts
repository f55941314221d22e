import assert from "node:assert/strict";
import { test } from "node:test";
import type { Proc, SharkuClient } from "../../src/client/client.ts";
import { mayMove } from "../../src/contract/states.ts";
import { until } from "../until.ts";
import { startDaemon } from "./harness.ts";
import { isGone, linesOf, runProc, untilExited, untilLine } from "./proc-calls.ts";
import { pidsOfProc } from "./processes.ts";

/** So long that no test lives to see the end of it. */
const LONG_MS = 3_600_000;

async function untilState(client: SharkuClient, id: string, state: Proc["state"]): Promise<Proc> {
  await until(`proc ${id} is in ${state}`, async () => (await client.getProc(id)).state === state);
  return await client.getProc(id);
}

async function untilRestarted(client: SharkuClient, id: string, restarts: number): Promise<Proc> {
  await until(`proc ${id} runs, after ${restarts} restarts`, async () => {
    const proc = await client.getProc(id);
    return proc.state === "running" && proc.restarts === restarts;
  });
  return await client.getProc(id);
}

test("procs are started again as their policy has it", async (context) => {
  await using daemon = await startDaemon();
  const { client } = daemon;

  await context.test(
    "so often in a row, each time fresh and on its port, then it is left ended",
    async () => {
      const command =
        'ls -A /app /tmp | grep -c mark; echo "port $PORT"; touch /app/mark /tmp/mark; echo last words >&2; exit 3';
      const restart = { policy: "on-failure", backoffMs: 20, maxAttempts: 2 } as const;
      const { id, port } = await client.createProc({ app: "test", name: "one", command, restart });
      const proc = await untilExited(client, id);
      assert.deepEqual(
        [proc.state, proc.restarts, proc.exit?.code, proc.exit?.reason],
        ["fail", 2, 3, "crashed"],
      );
      assert.match(proc.exit?.message ?? "", /not started again, after 2 restarts in a row/);
      assert.equal(proc.lastExit?.code, 3);
      const lines = await linesOf(client, id);
      assert.deepEqual(
        lines,
        [1, 2, 3].flatMap(() => ["0", `port ${port}`, "last words"]),
      );
      const states = (await Array.fromAsync(client.procEvents(id))).map((event) => event.proc.state);
      const again = ["boot", "running", "backoff"];
      assert.deepEqual(states, ["init", ...again, ...again, "boot", "running", "fail"]);
      states.forEach((state, at) => {
        assert.ok(at === 0 || mayMove(states[at - 1] ?? "done", state));
      });
    },
  );

  await context.test("a log is followed over restarts, to the end", async () => {
    const restart = { policy: "always", backoffMs: 20, maxAttempts: 3 } as const;
    const { id } = await client.createProc({ app: "test", name: "one", command: "echo run", restart });
    const followed = await Array.fromAsync(client.procLogs(id, { follow: true }));
    assert.deepEqual(
      followed.map(({ line }) => line),
      ["run", "run", "run", "run"],
    );
    const { state, exit } = await untilExited(client, id);
    assert.deepEqual([state, exit?.reason], ["done", "completed"]);
  });

  await context.test("a daemon killed amid a wait waits the rest only, and starts it once", async () => {
    const restart = { policy: "always", backoffMs: 1500 } as const;
    const first = await client.createProc({ app: "test", name: "one", command: ["true"], restart });
    const far = { policy: "always", backoffMs: LONG_MS } as const;
    const other = await client.createProc({ app: "test", name: "two", command: ["true"], restart: far });
    await untilState(client, first.id, "backoff");
    const { nextRestartAt } = await untilState(client, other.id, "backoff");
    await daemon.kill9();
    await daemon.start();
    const found = await client.getProc(other.id);
    assert.deepEqual([found.state, found.nextRestartAt], ["backoff", nextRestartAt]);
    await until("it was started again", async () => (await client.getProc(first.id)).restarts >= 1);
    await client.deleteProc(first.id);
    // What waits so long is started at once where somebody asks for it.
    await client.restartProc(other.id);
    await until("it was started again", async () => (await client.getProc(other.id)).restarts === 1);
    await untilState(client, other.id, "backoff");
    await client.deleteProc(other.id);
    await until("both are gone", async () => (await isGone(client, first.id)) && isGone(client, other.id));
  });

  await context.test("a running one is started again when asked, once its grace is over", async () => {
    const { id } = await runProc(client, { command: ["python3", "-c", IGNORE_TERM] });
    await untilLine(client, id, /^ready$/);
    const before = await pidsOfProc(id);
    await client.restartProc(id, { graceMs: 300 });
    const proc = await untilRestarted(client, id, 1);
    assert.deepEqual(
      [proc.lastExit?.reason, proc.lastExit?.killed, proc.lastExit?.code],
      ["stopped", true, 137],
    );
    const pids = await pidsOfProc(id);
    assert.ok(pids.length > 0 && pids.every((pid) => !before.includes(pid)));
    await client.deleteProc(id, { graceMs: 0 });
    await until("it is gone", () => isGone(client, id));
  });

  await context.test("a delete wins over a restart under way", async () => {
    const { id } = await runProc(client, { command: ["python3", "-c", IGNORE_TERM] });
    await untilLine(client, id, /^ready$/);
    await client.restartProc(id, { graceMs: 600_000 });
    await client.deleteProc(id, { graceMs: 0 });
    await until("it is gone", () => isGone(client, id));
    assert.deepEqual(await pidsOfProc(id), []);
  });

  await context.test("one that a signal has killed is started again by its policy", async () => {
    const restart = { policy: "on-failure", backoffMs: 20 } as const;
    const { id } = await runProc(client, { command: ["sleep", "1000"], restart });
    await client.signalProc(id, { signal: "SIGKILL" });
    const proc = await untilRestarted(client, id, 1);
    assert.deepEqual([proc.lastExit?.reason, proc.lastExit?.signal], ["signaled", "SIGKILL"]);
    await client.deleteProc(id, { graceMs: 0 });
  });
});

test("procs end when their time is over, also where the daemon was away then", async () => {
  await using daemon = await startDaemon();
  const { client } = daemon;
  const restart = { policy: "always" } as const;
  const { id } = await runProc(client, { command: ["sleep", "1000"], ttlMs: 1500, restart });
  const other = await runProc(client, { command: ["sleep", "1000"], ttlMs: LONG_MS });
  await daemon.kill9();
  await daemon.start();
  const ended = await untilExited(client, id);
  assert.deepEqual([ended.state, ended.exit?.reason, ended.exit?.signal], ["done", "ttl", "SIGTERM"]);
  assert.ok(Date.parse(String(ended.exit?.at)) >= Date.parse(String(ended.expiresAt)));
  assert.equal((await client.getProc(other.id)).state, "running");
});

test("a signal comes to the main process, which goes on", async () => {
  await using daemon = await startDaemon();
  const { client } = daemon;
  const { id } = await runProc(client, { command: ["python3", "-u", "-c", TELL_SIGNALS] });
  await untilLine(client, id, /^ready$/);
  for (const signal of ["SIGHUP", "SIGUSR2", "SIGWINCH"] as const) {
    const told = untilLine(client, id, new RegExp(`^${signal}$`));
    await client.signalProc(id, { signal });
    await told;
  }
  assert.equal((await client.getProc(id)).state, "running");
});

const IGNORE_TERM =
  "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('ready', flush=True); time.sleep(1000)";

const TELL_SIGNALS = `
import signal, time
for name in ("SIGHUP", "SIGUSR2", "SIGWINCH"):
    signal.signal(getattr(signal, name), lambda number, _: print(signal.Signals(number).name))
print("ready")
while True: time.sleep(1)
`;
