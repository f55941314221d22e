import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import type { Proc } from "../../src/client/client.ts";
import { runCommand, tryCommand } from "../../src/lib/run-command.ts";
import { EXAMPLES, PROGRAMS, packDirectory } from "../host/archive.ts";
import { ask, linesOf, runProc, untilExited, untilLine } from "../host/proc-calls.ts";
import { pidsOfProc } from "../host/processes.ts";
import { until } from "../until.ts";
import {
  CGROUPS,
  cgroupOf,
  client,
  deleteAll,
  endDaemon,
  readCgroup,
  SHARKU,
  startDaemon,
  traces,
} from "./machine.ts";

const MIB = 1024 * 1024;

test("doctor finds nothing wrong on a machine on which no proc has run yet", async () => {
  const { code, stdout } = await tryCommand([SHARKU, "doctor", "--json"]);
  const results: { name: string; status: string; found: string }[] = JSON.parse(stdout);
  assert.deepEqual(
    results.filter(({ status }) => status === "fail"),
    [],
  );
  assert.equal(code, 0);
  const said = new Map(results.map(({ name, found }) => [name, found]));
  assert.equal(said.get("cgroups"), "v2");
  assert.match(said.get("overlayfs") ?? "", /^a module/);
});

test("a daemon started by hand, and its procs", async (context) => {
  let daemon = await startDaemon();
  const image = await push(PROGRAMS);
  const { web, worker } = await startWeather();

  await context.test("it knows the cgroups for v2", async () => {
    assert.equal((await client.info()).cgroup, "v2");
  });

  await context.test("a sample runs from its archive and answers", async () => {
    await until("it answers", () => ask(web, "/healthz").then(Boolean, () => false));
    await untilLine(client, worker.id, /^measurement 1/);
  });

  await limits(context);
  await figures(context, image);

  await context.test("systemd does not take the limits away when it sees to its own cgroups", async () => {
    const dir = await cgroupOf(web.id);
    const before = await limitsOf(dir);
    await runCommand(["systemctl", "daemon-reload"]);
    await runCommand(["systemd-run", "--wait", "-p", "CPUWeight=50", "-p", "MemoryMax=50M", "true"]);
    await runCommand(["systemctl", "restart", "systemd-journald"]);
    assert.deepEqual(await limitsOf(dir), before);
    for (const at of [CGROUPS, join(dir, "..")]) {
      const enabled = (await readCgroup(at, "cgroup.subtree_control")).split(" ");
      for (const name of ["memory", "pids", "cpu"]) assert.ok(enabled.includes(name), `${name} at ${at}`);
    }
  });

  await context.test(
    "what lives on while the daemon is dead is found again, what ended is told",
    async () => {
      const obedient = await runProc(client, { image, command: "python3 obey.py" });
      await untilLine(client, obedient.id, /^ready$/);
      const pidsBefore = await pidsOfProc(worker.id);
      await endDaemon(daemon, "SIGKILL");
      assert.match(await ask(web, "/healthz"), /ok/);
      await ask(obedient, "/exit/7");
      await until("it has ended", async () => (await pidsOfProc(obedient.id)).length === 0);
      daemon = await startDaemon();
      const { exit } = await untilExited(client, obedient.id);
      assert.deepEqual([exit?.code, exit?.reason], [7, "crashed"]);
      assert.deepEqual(await pidsOfProc(worker.id), pidsBefore);
      assert.equal((await client.getProc(worker.id)).state, "running");
      assertNumbered(await linesOf(client, worker.id));
    },
  );

  await context.test("deleted, and the daemon ended, nothing of it is left", async () => {
    await deleteAll();
    assert.equal(await endDaemon(daemon, "SIGTERM"), 0);
    assert.deepEqual(await traces(), []);
  });
});

async function limits(context: TestContext): Promise<void> {
  await context.test("a proc is confined as it was asked for", async () => {
    const source = await readFile(join(import.meta.dirname, "look-around.py"), "utf8");
    const proc = await runProc(client, {
      command: ["python3", "-c", source],
      limits: { memoryBytes: 100 * MIB, pids: 20, cpus: 0.5 },
    });
    assert.equal((await untilExited(client, proc.id)).exit?.code, 0);
    const [line = ""] = await linesOf(client, proc.id);
    assert.deepEqual(JSON.parse(line), {
      ...{ uid: 1000, gid: 1000, groups: [] },
      capabilities: Array(5).fill("0".repeat(16)),
      ...{ noNewPrivileges: "1", seccomp: "2", cgroup: "0::/" },
      limits: {
        "memory.max": String(100 * MIB),
        "memory.swap.max": "0",
        "pids.max": "20",
        "cpu.max": "50000 100000",
      },
      ...{ makeCgroup: "EROFS", raiseLimit: "EROFS", unshare: null, writeUsr: "EROFS", writeApp: null },
      ...{ ownerOfEtc: 0, ownerOfHosts: 0, interfaces: ["eth0", "lo"] },
      ...{ sharedMounts: [], processes: 2 },
    });
  });
}

async function figures(context: TestContext, image: string): Promise<void> {
  await context.test("what a proc uses is what it says of itself, disks included", async () => {
    const [memoryMib, fileMib, cpuMs, children] = [40, 8, 300, 2];
    const command = ["python3", "use_some.py", ...[memoryMib, fileMib, cpuMs, children].map(String)];
    const limits = { memoryBytes: 128 * MIB, pids: 20, cpus: 1 };
    const { id } = await runProc(client, { image, command, limits });
    const said: { cpuMs: number; anonBytes: number } = JSON.parse(await untilLine(client, id, /cpuMs/));
    const live = await client.procStats(id);
    assert.ok((live.memory?.anonBytes ?? 0) >= said.anonBytes);
    assert.ok((live.memory?.usedBytes ?? 0) >= memoryMib * MIB);
    assert.deepEqual([live.memory?.limitBytes, live.cpu?.limitCpus, live.pids?.limit], [128 * MIB, 1, 20]);
    assert.ok((live.cpu?.usageMs ?? 0) >= said.cpuMs);
    assert.equal(live.pids?.current, children + 2);
    assert.ok((live.disk?.usedBytes ?? 0) >= fileMib * MIB);
    assert.ok((live.io?.writeBytes ?? 0) >= fileMib * MIB, JSON.stringify(live.io));
    assert.ok(live.network !== null);
    await client.stopProc(id, { graceMs: 0 });
    await untilExited(client, id);
    const { memory, cpu, isFinal } = await client.procStats(id);
    assert.ok((memory?.peakBytes ?? 0) >= memoryMib * MIB && (cpu?.usageMs ?? 0) >= said.cpuMs);
    assert.equal(isFinal, true);
    await client.deleteProc(id, { graceMs: 0 });
  });
}

async function push(dir: string): Promise<string> {
  return (await client.pushImage(new Blob([await packDirectory(dir)]))).digest;
}

async function startWeather(): Promise<{ web: Proc; worker: Proc }> {
  const image = await push(join(EXAMPLES, "weather"));
  const [web, worker] = await Promise.all([
    runProc(client, { app: "weather", name: "web.1", image, process: "web" }),
    runProc(client, { app: "weather", name: "worker.1", image, process: "worker" }),
  ]);
  return { web, worker };
}

async function limitsOf(dir: string): Promise<string[]> {
  return await Promise.all(["memory.max", "pids.max", "cpu.weight"].map((name) => readCgroup(dir, name)));
}

/** Numbers in its lines that follow each other: no line was lost while nobody read. */
function assertNumbered(lines: readonly string[]): void {
  const numbers = lines.flatMap((line) => /^measurement (\d+)/.exec(line)?.[1] ?? []).map(Number);
  assert.ok(numbers.length > 1);
  assert.deepEqual(
    numbers,
    numbers.map((_, index) => index + 1),
  );
}
