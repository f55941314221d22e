import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { startCli } from "../../../test/fakes/cli-call.ts";
import type { ProcSpec } from "../../contract/proc.ts";
import { stateCell } from "./describe.ts";

const checked = { startup: { timeoutMs: 60_000 }, liveness: null, readiness: null };

function sentSpec(cli: Awaited<ReturnType<typeof startCli>>): ProcSpec {
  const request = cli.daemon.requests.find(({ method, url }) => method === "POST" && url === "/v1/procs");
  return JSON.parse(request?.body ?? "null");
}

test("run takes checks, and asks again for the startup of a web process that others would displace", async (context) => {
  const cases: readonly (readonly [words: string, health: ProcSpec["health"]])[] = [
    ["run -d --startup 90s -- serve", { startup: { timeoutMs: 90_000 } }],
    ["run -d --startup none -- serve", {}],
    [
      "run -d --liveness /up --readiness /ready -- serve",
      { liveness: { http: "/up" }, readiness: { http: "/ready" } },
    ],
    ["run . -d --liveness /up", { startup: {}, liveness: { http: "/up" } }],
    ["run -d -- serve", undefined],
  ];
  const cwd = await mkdtemp(join(tmpdir(), "sharku-run-"));
  context.after(() => rm(cwd, { recursive: true }));
  await writeFile(join(cwd, "Procfile"), "web: serve\n");
  for (const [words, health] of cases) {
    await using cli = await startCli();
    assert.equal((await cli.call(words, { cwd })).code, 0, words);
    assert.deepEqual(sentSpec(cli)?.health, health, words);
  }
});

test("run refuses a path that is none", async () => {
  await using cli = await startCli();
  const { code, err } = await cli.call("run --liveness up -- serve");
  assert.equal(code, 2);
  assert.match(err, /Cannot take --liveness "up": a path such as \/up was wanted/);
});

test("run -d waits until it is ready, and says plainly where it never is, with what it said last", async () => {
  await using cli = await startCli();
  const good = await cli.call("run -d --startup 60s -- serve");
  assert.equal(good.code, 0);
  assert.match(good.out, /is running\n/);
  assert.equal(cli.daemon.entries.get("p001")?.proc.ready, true);
  const bad = await cli.call("run -d --startup 60s -- deaf");
  assert.equal(bad.code, 1);
  assert.match(
    bad.err,
    /^ {2}I listen to nobody\n.*Cannot start run\.1 "p002": It took no connection on its PORT/s,
  );
});

test("run tells the address when it answers there, and fails where it never does though it ended with 0", async () => {
  await using cli = await startCli();
  cli.daemon.addProc({ id: "mine", name: "run.1", health: checked, ready: false, readyAt: null });
  const { io, code } = cli.begin("run --id mine -- serve");
  await io.stderr.until("run.1 of shop has started");
  cli.daemon.update("mine", { ready: true, readyAt: "2026-01-01T00:00:00Z" }, "proc.ready");
  await io.stderr.until("run.1 is ready at http://127.0.0.1:10000");
  io.interrupt();
  await code;
  const bad = await cli.call("run --startup 60s -- deaf");
  assert.equal(bad.code, 1);
  assert.match(bad.err, /run\.\d has ended, it took no connection on its PORT within 60 s\n/);
});

test("run -d can be interrupted while it waits, and leaves the proc to itself", async () => {
  await using cli = await startCli();
  cli.daemon.addProc({ id: "mine", health: checked, ready: false, readyAt: null });
  const { io, code } = cli.begin("run -d --id mine -- serve");
  const deadline = AbortSignal.timeout(10_000);
  while (!cli.daemon.requests.some(({ url }) => url.includes("until=ready"))) {
    deadline.throwIfAborted();
    await io.sleep(5);
  }
  io.interrupt();
  assert.equal(await code, 130);
  assert.match(io.stderr.text, /the proc goes on, see then: sharku wait mine --until ready/);
  assert.equal(cli.daemon.entries.get("mine")?.proc.state, "running");
});

test("wait --until ready ends with the first ready, or with the end of one that never was", async () => {
  await using cli = await startCli();
  cli.daemon.addProc({ id: "late", ready: false, readyAt: null });
  const { code, io } = cli.begin("wait late --until ready");
  const deadline = AbortSignal.timeout(10_000);
  while (!cli.daemon.requests.some(({ url }) => url.includes("until=ready"))) {
    deadline.throwIfAborted();
    await io.sleep(5);
  }
  cli.daemon.update("late", { ready: true, readyAt: "2026-01-01T00:00:00Z" }, "proc.ready");
  assert.deepEqual([await code, io.stdout.text], [0, "running\n"]);
  cli.daemon.addProc({ id: "lost", ready: false, readyAt: null });
  cli.daemon.end("lost", { reason: "boot-timeout", code: 143 });
  assert.equal((await cli.call("wait lost --until ready")).code, 1);
});

test("ps and events tell more of one that runs, where there is more to tell", async () => {
  await using cli = await startCli();
  const { daemon } = cli;
  const at = "2026-01-01T00:00:00Z";
  daemon.addProc({ id: "good", readyAt: at });
  daemon.addProc({ id: "begins", ready: false, readyAt: null });
  daemon.addProc({ id: "turned", ready: false, readyAt: at });
  daemon.addProc({ id: "sick", readyAt: at, healthy: false });
  const cells = [...daemon.entries.values()].map(({ proc }) => stateCell(proc).text);
  assert.deepEqual(cells, ["running", "running(starting)", "running(unready)", "running(unhealthy)"]);
  for (const type of ["proc.ready", "proc.unready", "proc.unhealthy", "proc.healthy"] as const)
    daemon.update("good", {}, type);
  const words = (await cli.call("events")).out.match(/ (ready|unready|unhealthy|healthy) /g);
  assert.deepEqual(words, [" ready ", " unready ", " unhealthy ", " healthy "]);
});
