import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import type { Proc, ProcSpec, SharkuClient } from "../../src/client/client.ts";
import { systemClock } from "../../src/lib/clock.ts";
import { stretched, until } from "../until.ts";
import { PROGRAMS, packDirectory } from "./archive.ts";
import { startDaemon } from "./harness.ts";
import { ask, eventsSoFar, runProc, untilExited } from "./proc-calls.ts";

const WAIT_MS = Math.min(stretched(60_000), 300_000);
const STARTUP = { tcp: true, timeoutMs: stretched(30_000) } as const;
const SHORT = { tcp: true, timeoutMs: stretched(1_500) } as const;
const QUICK = { http: "/up", intervalMs: 200, timeoutMs: stretched(2_000), failures: 2 } as const;

test("checks start procs again, and go on where a daemon was killed", async (context) => {
  await using daemon = await startDaemon();
  const { client } = daemon;
  const image = (await client.pushImage(await packDirectory(PROGRAMS))).digest;
  const command = ["python3", "moods.py"];
  const run = (spec: Partial<ProcSpec>) => runProc(client, { image, command, ...spec });

  await context.test(
    "an unhealthy run is followed by another on the same port, whose checks begin anew",
    async () => {
      const health = { startup: STARTUP, liveness: QUICK };
      const restart = { policy: "on-failure", backoffMs: 100 } as const;
      const first = await run({ health, restart });
      await untilReady(client, first.id);
      await ask(first, "/be/hanging");
      await until("it runs again", async () => {
        const { restarts, ready } = await client.getProc(first.id);
        return restarts === 1 && ready;
      });
      const { lastExit, port, state } = await client.getProc(first.id);
      assert.deepEqual([state, lastExit?.reason, port], ["running", "unhealthy", first.port]);
      assert.match(lastExit?.message ?? "", /^GET \/up failed 2 times in a row \(no answer within \d+ ms\)/);
      const passes = async () => (await client.procHealth(first.id)).liveness?.results ?? [];
      await until("it is asked again", async () => (await passes()).length > 1);
      assert.ok(
        (await passes()).every(({ ok }) => ok),
        "nothing of the run before is told",
      );
      const types = (await eventsSoFar(client)).filter(({ procId }) => procId === first.id);
      assert.equal(types.filter(({ type }) => type === "proc.ready").length, 2);
      await client.deleteProc(first.id, { graceMs: 0 });
    },
  );

  await context.test("one that never comes up is given up after so many starts", async () => {
    const restart = { policy: "always", maxAttempts: 1, backoffMs: 0, resetAfterMs: 0 } as const;
    const { id } = await run({ health: { startup: SHORT }, restart, config: { BIND: "127.0.0.1" } });
    const { state, exit, restarts } = await untilExited(client, id);
    assert.deepEqual([state, exit?.reason, restarts], ["fail", "boot-timeout", 1]);
    assert.match(exit?.message ?? "", /127\.0\.0\.1:\d+ only.*not started again/);
  });

  await context.test("a new daemon goes on asking, and does not count the time without one", async () => {
    const ready = await run({ health: { startup: STARTUP, liveness: QUICK } });
    await untilReady(client, ready.id);
    const lateMs = stretched(3_000);
    const late = await run({ health: { startup: SHORT }, config: { LISTEN_AFTER: String(lateMs / 1000) } });
    const never = await run({ health: { startup: SHORT }, config: { BIND: "nowhere" } });
    await daemon.kill9();
    const asked = Number(await ask(ready, "/asked"));
    await untilListening(late);
    await untilPast(never, SHORT.timeoutMs);
    await daemon.start();

    const found = await client.getProc(ready.id);
    assert.deepEqual([found.state, found.ready], ["running", true]);
    await until("it is asked again", async () => Number(await ask(ready, "/asked")) > asked);
    assert.equal((await untilReady(client, late.id)).ready, true, "it came up while nobody asked");
    const { exit } = await untilExited(client, never.id);
    assert.equal(exit?.reason, "boot-timeout");
    await ask(ready, "/be/closing");
    assert.equal((await untilExited(client, ready.id)).exit?.reason, "unhealthy");
    const turns = (await eventsSoFar(client)).filter(({ procId }) => procId === ready.id);
    assert.equal(
      turns.filter(({ type }) => type === "proc.ready").length,
      1,
      "it has been ready all the time",
    );
  });
});

async function untilReady(client: SharkuClient, id: string): Promise<Proc> {
  return await client.waitProc(id, { until: "ready", timeoutMs: WAIT_MS });
}

/** Asked without the daemon, which is dead. */
async function untilListening(proc: Proc): Promise<void> {
  await until("it listens", () =>
    ask(proc, "/asked").then(
      () => true,
      () => false,
    ),
  );
}

async function untilPast({ startedAt }: Proc, ms: number): Promise<void> {
  const past = Date.parse(startedAt ?? "") + ms;
  await until("its time is over", async () => {
    await sleep(stretched(50));
    return systemClock.now().getTime() > past;
  });
}
