import assert from "node:assert/strict";
import { test } from "node:test";
import { startCli } from "../../../test/fakes/cli-call.ts";

test("restart starts procs of an app again, and tells that they run", async () => {
  await using cli = await startCli();
  cli.daemon.addProc({ id: "aaaa1" });
  cli.daemon.addProc({ id: "aaaa2", name: "web.2" });
  const { code, out } = await cli.call("restart shop --grace 5s");
  assert.deepEqual([code, out], [0, "web.1 (aaaa1) is running again\nweb.2 (aaaa2) is running again\n"]);
  const bodies = cli.daemon.requests.filter(({ url }) => url.endsWith("/restart")).map(({ body }) => body);
  assert.deepEqual(bodies, ['{"graceMs":5000}', '{"graceMs":5000}']);
});

test("restart refuses what has ended, in the daemon's words", async () => {
  await using cli = await startCli();
  cli.daemon.addProc({ id: "aaaa1" });
  cli.daemon.end("aaaa1");
  const { code, err } = await cli.call("restart aaaa1");
  assert.equal(code, 1);
  assert.match(err, /Cannot restart proc "aaaa1": it has ended/);
});

test("signal sends one, its name with or without SIG, and refuses others", async () => {
  await using cli = await startCli();
  cli.daemon.addProc({ id: "aaaa1" });
  for (const word of ["HUP", "sighup", "SIGHUP"]) {
    const { code, out } = await cli.call(`signal ${word} shop`);
    assert.deepEqual([code, out], [0, "web.1 (aaaa1) was sent SIGHUP\n"]);
  }
  const { code, err } = await cli.call("signal SIGSTOP shop");
  assert.equal(code, 2);
  assert.match(err, /Cannot send "SIGSTOP": one of SIGHUP, /);
});

test("run asks for restarts and an end in time as its options say, and refuses what they are not", async () => {
  await using cli = await startCli();
  assert.equal((await cli.call("run -d --restart on-failure:5 --ttl 2h -- serve")).code, 0);
  const sent = JSON.parse(cli.daemon.requests.findLast(({ method }) => method === "POST")?.body ?? "{}");
  assert.deepEqual([sent.restart, sent.ttlMs], [{ policy: "on-failure", maxAttempts: 5 }, 7_200_000]);
  for (const word of ["sometimes", "always:0", "always:x", "always:"]) {
    const { code, err } = await cli.call(`run -d --restart ${word} -- serve`);
    assert.equal(code, 2);
    assert.match(err, /Cannot take --restart .*on-failure:5/);
  }
});

test("rm --ended removes what has ended and nothing else; rm alone removes nothing", async () => {
  await using cli = await startCli();
  for (const id of ["aaaa1", "aaaa2", "aaaa3"]) cli.daemon.addProc({ id });
  cli.daemon.addProc({ id: "bbbb1", app: "blog" });
  for (const id of ["aaaa2", "bbbb1"]) cli.daemon.end(id);
  assert.equal((await cli.call("rm")).code, 2);
  assert.equal((await cli.call("rm shop --ended -q")).out, "aaaa2\n");
  assert.equal((await cli.call("rm --ended -q")).out, "bbbb1\n");
  assert.deepEqual([...cli.daemon.entries.keys()], ["aaaa1", "aaaa3"]);
});

test("ps tells why one waits to be started again; wait shows the last words of one that has failed", async () => {
  await using cli = await startCli();
  const exit = { code: 3, signal: null, reason: "crashed", oom: false, killed: false } as const;
  const lastExit = { ...exit, message: "It ended", at: "2026-01-01T00:00:00.000Z" };
  cli.daemon.addProc({ id: "aaaa1", state: "backoff", lastExit });
  assert.match((await cli.call("ps")).out, /backoff\(3\)/);
  cli.daemon.addProc({ id: "aaaa2" });
  cli.daemon.end("aaaa2", { code: 3, logTail: ["one", "evil\u001b[2J"] });
  const { code, err } = await cli.call("wait aaaa2");
  assert.equal(code, 3);
  assert.match(err, / {2}\| one\n/);
  assert.ok(!err.includes("\u001b[2J"));
});
