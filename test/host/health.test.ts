import assert from "node:assert/strict";
import { test } from "node:test";
import type { Proc, ProcSpec, SharkuClient } from "../../src/client/client.ts";
import type { CheckName, CheckResult } from "../../src/contract/health.ts";
import { stretched, until } from "../until.ts";
import { PROGRAMS, packDirectory } from "./archive.ts";
import { commandLineOf } from "./command-line.ts";
import { startDaemon } from "./harness.ts";
import { ask, eventsSoFar, runProc, untilExited, untilLine } from "./proc-calls.ts";

const WAIT_MS = Math.min(stretched(60_000), 300_000);

/** Long enough that only an app at fault runs into it. */
const STARTUP = { tcp: true, timeoutMs: stretched(30_000) } as const;
/** So short that it is waited for. */
const SHORT = { tcp: true, timeoutMs: stretched(1_500) } as const;
const QUICK = { http: "/up", intervalMs: 200, timeoutMs: stretched(1_000), failures: 2 } as const;

test("the checks of a proc tell whether it works, and act where it does not", async (context) => {
  await using daemon = await startDaemon();
  const { client } = daemon;
  const image = (await client.pushImage(await packDirectory(PROGRAMS))).digest;
  const command = ["python3", "moods.py"];
  const run = (spec: Partial<ProcSpec>) => runProc(client, { image, command, ...spec });
  const drop = (id: string) => client.deleteProc(id, { graceMs: 0 });
  const typesOf = async (id: string) =>
    (await eventsSoFar(client)).filter(({ procId }) => procId === id).map(({ type }) => type);

  await context.test("one that binds late runs at once, and is ready when it has bound", async () => {
    const { id, ready } = await run({ health: { startup: STARTUP }, config: { LISTEN_AFTER: "1" } });
    await untilLine(client, id, /^begun$/);
    assert.equal(ready, false, "running does not wait for health");
    const proc = await untilReady(client, id);
    assert.deepEqual([proc.ready, proc.state, proc.healthy], [true, "running", null]);
    await untilLine(client, id, /^listens/);
    assert.equal(await ask(proc), "fine");
    const { startup, liveness } = await client.procHealth(id);
    assert.deepEqual([startup?.state, startup?.results.at(-1)?.ok, liveness], ["passing", true, null]);
    assert.equal(startup?.results.at(0)?.ok, false);
    assert.equal((await typesOf(id)).filter((type) => type === "proc.ready").length, 1);
    await drop(id);
  });

  await context.test("a web process has the startup check, others none, and {} is none", async () => {
    const web = await client.createProc({ app: "a", name: "w", command: ["sleep", "9"], process: "web" });
    assert.deepEqual(web.health.startup, { tcp: true, timeoutMs: 60_000 });
    const none = { startup: null, liveness: null, readiness: null };
    for (const health of [{}, null]) {
      const other = await client.createProc({
        app: "a",
        name: "w",
        command: "sleep 9",
        process: "web",
        health,
      });
      assert.deepEqual(other.health, none);
      await drop(other.id);
    }
    const worker = await runProc(client, { command: ["sleep", "100"], process: "worker" });
    assert.deepEqual([worker.health, worker.ready, worker.readyAt], [none, true, worker.startedAt]);
    await drop(worker.id);
    await drop(web.id);
  });

  const lonely: readonly (readonly [what: string, config: Record<string, string>, hint: RegExp])[] = [
    ["never binds", { BIND: "nowhere" }, /nothing listens on its PORT, which is \d+; bind 0\.0\.0\.0/],
    ["binds 127.0.0.1 only", { BIND: "127.0.0.1" }, /listens on 127\.0\.0\.1:\d+ only, .*; bind 0\.0\.0\.0/],
    ["binds IPv6 only", { BIND: "::" }, /listens on \[::\]:\d+ for IPv6 only; bind 0\.0\.0\.0/],
    [
      "binds another port",
      { ON_PORT: "3000" },
      /listens on 0\.0\.0\.0:3000, and not on its PORT, which is \d+/,
    ],
  ];
  await context.test(
    "one that cannot be reached is ended as boot-timeout, and told what to change",
    async () => {
      const procs = await Promise.all(
        lonely.map(async ([, config]) => await run({ health: { startup: SHORT }, config })),
      );
      for (const [index, [what, , hint]] of lonely.entries()) {
        const { state, exit, ready } = await untilExited(client, procs[index]?.id ?? "");
        assert.deepEqual([state, exit?.reason, ready], ["fail", "boot-timeout", false], what);
        assert.match(exit?.message ?? "", hint, what);
      }
    },
  );

  await context.test(
    "each way of answering badly is told in words, and none holds up the others",
    async () => {
      const moods: readonly (readonly [mood: string, ok: boolean, output: RegExp])[] = [
        ["sick", false, /^answered 500 Internal Server Error\n\[31mthe database\ufffd is gone$/],
        ["hanging", false, /^no answer within \d+ ms$/],
        ["closing", false, /^the connection was closed before an answer came$/],
        ["babbling", false, /^what came is no answer of HTTP\/1\.1/],
        ["interim", false, /^interim answers \(1xx\) without an end$/],
        ["moved", true, /^answered 302 Found\nto http:\/\/127\.0\.0\.1:1\/$/],
        ["flooding", true, /^answered 200 OK\n(water ){100}/],
      ];
      const liveness = { ...QUICK, action: "none" } as const;
      const procs = await Promise.all(moods.map(([MOOD]) => run({ health: { liveness }, config: { MOOD } })));
      for (const [index, [mood, ok, output]] of moods.entries()) {
        const { id = "" } = procs[index] ?? {};
        const fits = (result: CheckResult) => result.ok === ok && output.test(result.output);
        await until(`${mood} is told`, async () => (await resultsOf(client, id, "liveness")).some(fits));
        for (const result of await resultsOf(client, id, "liveness"))
          assert.ok(Buffer.byteLength(result.output) <= 4096);
      }
      for (const { id } of procs) await drop(id);
    },
  );

  await context.test("readiness turns with the answers, and each turn is told once", async () => {
    const proc = await run({ health: { startup: STARTUP, readiness: QUICK }, config: { MOOD: "sick" } });
    const { id } = proc;
    await until("it has failed", async () => (await resultsOf(client, id, "readiness")).length > 1);
    assert.equal((await client.getProc(id)).ready, false);
    await ask(proc, "/be/fine");
    await untilReady(client, id);
    await ask(proc, "/be/sick");
    await until("it is not ready", async () => !(await client.getProc(id)).ready);
    await ask(proc, "/be/fine");
    await until("it is ready again", async () => (await client.getProc(id)).ready);
    const turns = (await typesOf(id)).filter((type) => type.endsWith("ready"));
    assert.deepEqual(turns, ["proc.ready", "proc.unready", "proc.ready"]);
    assert.equal((await client.getProc(id)).state, "running", "an unready proc is left alone");
    await drop(id);
  });

  await context.test("liveness only tells where its action is none", async () => {
    const proc = await run({ health: { startup: STARTUP, liveness: { ...QUICK, action: "none" } } });
    const { id } = proc;
    await untilReady(client, id);
    await ask(proc, "/be/sick");
    await until("it is unhealthy", async () => (await client.getProc(id)).healthy === false);
    await ask(proc, "/be/fine");
    await until("it is healthy", async () => (await client.getProc(id)).healthy === true);
    assert.equal((await client.getProc(id)).state, "running");
    const turns = (await typesOf(id)).filter((type) => type.endsWith("healthy"));
    assert.deepEqual(turns, ["proc.unhealthy", "proc.healthy"]);
    await drop(id);
  });

  await context.test(
    "liveness ends a run as unhealthy, in words that hold nothing of its answer",
    async () => {
      const proc = await run({ health: { startup: STARTUP, liveness: QUICK } });
      await untilReady(client, proc.id);
      await ask(proc, "/be/sick");
      const { state, exit } = await untilExited(client, proc.id);
      assert.deepEqual([state, exit?.reason], ["fail", "unhealthy"]);
      assert.match(
        exit?.message ?? "",
        /^GET \/up failed 2 times in a row \(answered 500 Internal Server Error\)/,
      );
      assert.doesNotMatch(JSON.stringify(await eventsSoFar(client)), /database/);
      assert.match((await resultsOf(client, proc.id, "liveness")).at(-1)?.output ?? "", /database/);
    },
  );

  await context.test("run -d waits for it, and tells plainly why it never is", async () => {
    const { call } = commandLineOf(daemon);
    const words = (...more: string[]) => ["run", image, "--app", "shop", "-d", ...more, "--", ...command];
    const good = await call(words("--startup", "5m", "--name", "good", "--config", "LISTEN_AFTER=0.3"));
    assert.equal(good.code, 0, good.err);
    const [address = ""] = /127\.0\.0\.1:\d+/.exec(good.out) ?? [];
    assert.equal(await (await fetch(`http://${address}/up`)).text(), "fine", "the address works at once");
    const startup = `${SHORT.timeoutMs}ms`;
    const bad = await call(words("--startup", startup, "--name", "bad", "--config", "BIND=127.0.0.1"));
    assert.equal(bad.code, 1);
    assert.match(bad.err, /^ {2}begun\n {2}listens as \d+\n.*Cannot start bad .*127\.0\.0\.1:\d+ only/s);
    assert.match((await call("ps")).out, /good +running +127/);
    assert.match((await call("ps")).out, /bad +fail\(boot-timeout\)/);
    for (const { id } of (await client.listProcs({ app: "shop" })).items) await drop(id);
  });

  await context.test("what makes no sense is refused, with a pointer", async () => {
    const refused: readonly (readonly [spec: Partial<ProcSpec>, pointer: string])[] = [
      [{ health: { liveness: { http: "/up" } }, network: { mode: "none" } }, "/health/liveness"],
      [{ health: { startup: { tcp: true, http: "/" } } }, "/health/startup"],
      [{ health: { startup: { http: "up" } } }, "/health/startup/http"],
      [{ health: { readiness: { failures: 0 } } }, "/health/readiness/failures"],
      // As of one who does not know the types.
      [{ health: { readiness: { exec: ["true"] } as object } }, "/health/readiness/exec"],
    ];
    for (const [spec, pointer] of refused) {
      const created = client.createProc({ app: "a", name: "b", command: "true", ...spec });
      const isRefused = (error: unknown) =>
        error instanceof Error && "status" in error && error.status === 400 && "faults" in error
          ? JSON.stringify(error.faults).includes(`"pointer":"${pointer}"`)
          : false;
      await assert.rejects(created, isRefused, pointer);
    }
  });
});

async function untilReady(client: SharkuClient, id: string): Promise<Proc> {
  return await client.waitProc(id, { until: "ready", timeoutMs: WAIT_MS });
}

async function resultsOf(client: SharkuClient, id: string, check: CheckName): Promise<CheckResult[]> {
  return (await client.procHealth(id))[check]?.results ?? [];
}
