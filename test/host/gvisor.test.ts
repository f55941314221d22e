import assert from "node:assert/strict";
import { readlink } from "node:fs/promises";
import { test } from "node:test";
import { PROGRAMS, packDirectory } from "./archive.ts";
import * as golden from "./golden/gvisor.ts";
import { startDaemon, type TestDaemon } from "./harness.ts";
import { openNeighbour } from "./neighbour.ts";
import { type Facts, parseFacts } from "./probe-facts.ts";
import { linesOf, runProc, untilExited, untilLine } from "./proc-calls.ts";
import { pidsWhere, readProc } from "./processes.ts";
import { containerOfProc } from "./run-of-proc.ts";

/** Case 34: the same probe by gVisor, whose kernel is a process of the proc's own on the host. */

const runtime = "runsc";

test("case 34: by gVisor an app sees nothing and can do nothing beyond its own", async (context) => {
  await using daemon = await startDaemon();
  await using neighbour = await openNeighbour();
  const { facts, hidden } = await probe(daemon, neighbour.abstractSocket);

  await context.test("case 1: it is an ordinary user without any capability", () => {
    assert.deepEqual(facts.status, golden.status);
    for (const [name, answer] of Object.entries(facts.setuid)) assert.equal(answer, "as 1000", name);
  });

  await context.test("case 2: what is refused elsewhere is refused, but for a few calls of its own", () => {
    for (const [name, answer] of Object.entries(facts.calls))
      assert.ok(golden.offered.includes(name) || golden.refusals.includes(answer), `${name}: ${answer}`);
    assert.deepEqual([facts.families, facts.rawSocket], [golden.families, "EPERM"]);
  });

  await context.test("cases 6, 12, 33: it sees its own processes and files, and nothing of the host", () => {
    assert.deepEqual([facts.pids, facts.fds, facts.killHost], [[1, 2], ["0", "1", "2"], "ESRCH"]);
    assert.deepEqual([facts.hostname, facts.cwd], ["test-one", "/app"]);
    assert.notEqual(Object.values(facts.abstract)[0], "ok");
    for (const path of hidden) assert.ok(["ENOENT", 0].includes(facts.seen[path] ?? "untried"), path);
  });

  await context.test("cases 9, 17, 20: it can write to its own only, and opens no device of the host", () => {
    assert.deepEqual(facts.writable, golden.writable);
    for (const device of ["c:1:11", "b:7:0"]) assert.match(String(facts.opensDevices[device]), /^E/, device);
    const flags = Object.entries(facts.mounts).map(([path, words]) => [path, flagsOf(words)]);
    assert.deepEqual(Object.fromEntries(flags), golden.mounts);
    assert.deepEqual({ ...facts.limits, ...golden.limits }, facts.limits);
  });

  await context.test(
    "on the host its kernel is nobody, in namespaces of its own, behind a filter",
    async () => {
      const { id } = await runProc(daemon.client, { command: ["sleep", "1000"], runtime });
      assert.equal((await daemon.client.getProc(id)).state, "running");
      const { id: run } = await containerOfProc(daemon.places, id);
      const pids = await pidsWhere(async (pid) => (await readProc(pid, "cgroup")).includes(`/${run}`));
      assert.ok(pids.length >= 2, "the kernel, and its helper for files");
      for (const pid of pids) await assertNobody(pid);
    },
  );
});

async function probe(daemon: TestDaemon, abstract: string): Promise<{ facts: Facts; hidden: string[] }> {
  const { client, places } = daemon;
  const image = (await client.pushImage(await packDirectory(PROGRAMS))).digest;
  const hidden = [
    "/root",
    "/etc/shadow",
    "/var/lib/dpkg",
    places.stateDir,
    places.runDir,
    `/proc/${daemon.pid}`,
  ];
  const config = {
    PROBE_PATHS: hidden.join(","),
    PROBE_PID: String(daemon.pid),
    PROBE_DEVICES: "c:1:11,b:7:0",
    PROBE_ABSTRACT: abstract,
    // Not all of /usr: each file is asked of a helper outside, which takes minutes.
    PROBE_WALK: "/dev,/etc,/proc/sys,/run,/sys,/usr/bin,/usr/local,/var",
  };
  const { id } = await runProc(client, { image, runtime, config, command: ["python3", "probe.py"] });
  // Unlike Linux, it lets the init of a container be killed from within: the probe's last deed ends the proc.
  const { exit } = await untilExited(client, id);
  assert.equal(exit?.signal, "SIGKILL");
  const facts = parseFacts(await linesOf(client, id));
  await client.deleteProc(id, { graceMs: 0 });
  return { facts, hidden };
}

async function assertNobody(pid: number): Promise<void> {
  const status = await readProc(pid, "status");
  const words = `${pid} ${(await readProc(pid, "cmdline")).slice(0, 40)}: ${status}`;
  assert.match(status, /^NoNewPrivs:\t1$/m, words);
  assert.match(status, /^Seccomp:\t2$/m, words);
  assert.doesNotMatch(status, /^Uid:.*\t0\b/m, words);
  for (const name of ["user", "mnt", "net"])
    assert.notEqual(await readlink(`/proc/${pid}/ns/${name}`), await readlink(`/proc/self/ns/${name}`), name);
}

function flagsOf(words: string): string {
  return words.split(" ").slice(1).join(" ");
}

test("a stop with target all is told to every process inside", async () => {
  await using daemon = await startDaemon();
  const { client } = daemon;
  const image = (await client.pushImage(await packDirectory(PROGRAMS))).digest;
  // The shell outlives the signal: with the main process told only, the program would run on to the end of the grace.
  const command = "trap : TERM; python3 print-forever.py; true";
  const { id } = await runProc(client, { image, command, runtime, stop: { target: "all" } });
  await untilLine(client, id, /^line 1$/);
  await client.stopProc(id);
  const { exit } = await untilExited(client, id);
  assert.deepEqual([exit?.reason, exit?.killed], ["stopped", false]);
  assert.match((await linesOf(client, id)).at(-1) ?? "", /^printed \d+$/);
});
