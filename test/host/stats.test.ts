import assert from "node:assert/strict";
import { test } from "node:test";
import type { Stats } from "../../src/client/client.ts";
import { until } from "../until.ts";
import { PROGRAMS, packDirectory } from "./archive.ts";
import { isSharkuError } from "./expect-error.ts";
import { startDaemon } from "./harness.ts";
import { ask, eventsSoFar, runProc, untilExited, untilLine } from "./proc-calls.ts";

const MIB = 2 ** 20;
const [MEMORY_MIB, FILE_MIB, CPU_MS, CHILDREN] = [100, 20, 1500, 5];

test("the figures of a proc are what it says of itself, live, followed and after its end", async (context) => {
  await using daemon = await startDaemon();
  const { client } = daemon;
  const { digest: image } = await client.pushImage(await packDirectory(PROGRAMS));
  const command = ["python3", "use_some.py", ...[MEMORY_MIB, FILE_MIB, CPU_MS, CHILDREN].map(String)];
  const limits = { memoryBytes: 256 * MIB, pids: 20, cpus: 1, appBytes: 64 * MIB };
  const { id, links } = await runProc(client, { image, command, limits });
  const said: { cpuMs: number; anonBytes: number } = JSON.parse(await untilLine(client, id, /cpuMs/));

  await context.test("memory: what it holds is its own, and the limit and the peak are told", async () => {
    const { memory } = await client.procStats(id);
    assert.ok(memory !== null);
    // The children and the first process hold a little, too.
    assert.ok(memory.anonBytes >= said.anonBytes, `${memory.anonBytes} of ${said.anonBytes}`);
    assert.ok(memory.anonBytes < said.anonBytes + 64 * MIB, `${memory.anonBytes} of ${said.anonBytes}`);
    assert.ok(memory.usedBytes >= MEMORY_MIB * MIB && memory.usedBytes <= memory.totalBytes);
    assert.ok((memory.peakBytes ?? 0) >= memory.usedBytes);
    assert.deepEqual([memory.limitBytes, memory.oomKills], [limits.memoryBytes, 0]);
  });

  await context.test("cpu, pids and disk", async () => {
    const { cpu, pids, disk, since, isFinal } = await client.procStats(id);
    assert.ok(cpu !== null && cpu.usageMs >= said.cpuMs, `${cpu?.usageMs} of ${said.cpuMs}`);
    assert.equal(cpu.limitCpus, 1);
    // Its children, itself, and the first process.
    assert.deepEqual([pids?.current, pids?.limit], [CHILDREN + 2, limits.pids]);
    assert.ok(disk !== null && disk.usedBytes >= FILE_MIB * MIB, String(disk?.usedBytes));
    assert.ok(disk.usedBytes < (FILE_MIB + 8) * MIB, String(disk.usedBytes));
    assert.equal(disk.limitBytes, limits.appBytes);
    assert.ok(disk.usedFiles > 0 && disk.usedFiles < disk.limitFiles);
    assert.deepEqual([isFinal, since], [false, (await client.getProc(id)).startedAt]);
    assert.equal(links.stats, `/v1/procs/${id}/stats`);
  });

  await context.test("io: what it has put on the disk, where this host counts it", async () => {
    const { io } = await client.procStats(id);
    // A host with v1 counts it only for devices that somebody throttles.
    if ((await client.info()).cgroup === "v1" && io === null) return;
    assert.ok(io !== null && io.writeBytes >= FILE_MIB * MIB, String(io?.writeBytes));
    assert.ok(io.writeOperations > 0);
  });

  await context.test("network: what goes to it and comes from it", async () => {
    const web = await runProc(client, { image, command: ["python3", "obey.py"] });
    await untilLine(client, web.id, /ready/);
    const before = (await client.procStats(web.id)).network;
    for (let asked = 0; asked < 10; asked += 1) await ask(web);
    assert.ok(before !== null);
    await until("what it sent and received is counted", async () => {
      const { network: after } = await client.procStats(web.id);
      assert.ok(after !== null);
      const received = after.receivedBytes - before.receivedBytes;
      // Each question is some hundred bytes, and each answer takes packets of its own.
      return received >= 10 * 50 && after.sentPackets >= before.sentPackets + 10;
    });
    const none = await runProc(client, { command: "sleep 1000", network: { mode: "none" } });
    assert.equal((await client.procStats(none.id)).network, null);
    await client.deleteProc(web.id, { graceMs: 0 });
    await client.deleteProc(none.id, { graceMs: 0 });
  });

  await context.test("followed, there are rates of what happens meanwhile", async () => {
    const busy = await runProc(client, { command: "while :; do :; done", limits: { cpus: 0.05 } });
    const taken: Stats[] = [];
    for await (const stats of client.followStats(busy.id, { intervalMs: 500 }))
      if (taken.push(stats) === 4) break;
    assert.equal(taken[0]?.rates, null);
    assert.ok(taken.slice(1).some(({ rates }) => (rates?.cpuPercent ?? 0) > 0));
    await until("it is told that it wanted more", async () => {
      const { cpu } = await client.procStats(busy.id);
      return (cpu?.throttledPeriods ?? 0) > 0 && (cpu?.throttledMs ?? 0) > 0;
    });
    const rest = Array.fromAsync(client.followStats(busy.id, { intervalMs: 500 }));
    await client.stopProc(busy.id, { graceMs: 0 });
    assert.equal((await rest).at(-1)?.isFinal, true, "it ends with the proc");
  });

  await context.test("of all at once", async () => {
    const { items } = await client.allStats({ app: "test" });
    assert.ok(items.some((stats) => stats.id === id && stats.memory !== null));
    assert.deepEqual((await client.allStats({ app: "nobody" })).items, []);
    for await (const list of client.followAllStats({ intervalMs: 500 })) {
      const stats = list.items.find((item) => item.id === id);
      if (stats?.rates) break;
    }
  });

  await context.test("ended, it tells what it had used, and so does the next daemon", async () => {
    await client.stopProc(id, { graceMs: 0 });
    await untilExited(client, id);
    const last = await client.procStats(id);
    const { cpu, memory, disk, isFinal, time } = last;
    assert.ok((cpu?.usageMs ?? 0) >= said.cpuMs);
    assert.ok((memory?.peakBytes ?? 0) >= MEMORY_MIB * MIB);
    assert.ok((disk?.usedBytes ?? 0) >= FILE_MIB * MIB);
    assert.deepEqual([isFinal, time], [true, (await client.getProc(id)).exitedAt]);
    await daemon.kill9();
    await daemon.start();
    assert.deepEqual(await client.procStats(id), last);
    const followed = await Array.fromAsync(client.followStats(id));
    assert.deepEqual(followed, [last]);
  });
});

test("a proc that comes close to its limits is told of, once", async () => {
  await using daemon = await startDaemon();
  const { client } = daemon;
  const { digest: image } = await client.pushImage(await packDirectory(PROGRAMS));
  const limits = { memoryBytes: 200 * MIB, pids: 8 };
  const proc = await runProc(client, { image, command: ["python3", "obey.py"], limits });
  await untilLine(client, proc.id, /ready/);
  const told = async () =>
    (await eventsSoFar(client)).map(({ type }) => type).filter((type) => /high|limit/.test(type));
  await ask(proc, "/fork/20");
  await until("the processes are told of", async () => (await told()).includes("proc.pids-limit"));
  await client.patchProc(proc.id, { limits: { pids: 64 } });
  await ask(proc, "/hold/178");
  await until("the memory is told of", async () => (await told()).includes("proc.memory-high"));
  assert.deepEqual(await told(), ["proc.pids-limit", "proc.memory-high"]);
  assert.equal((await client.procStats(proc.id)).pids?.refused, 1);
});

test("a host says what is left of it, and refuses what it has not", async () => {
  await using daemon = await startDaemon({ env: { SHARKU_MEMORY_OVERCOMMIT: "0.5" } });
  const { client } = daemon;
  const before = await client.capacity();
  assert.equal(before.procs, 0);
  const { totalBytes } = before.memory;
  const most = before.memory.roomBytes;
  assert.ok(most <= totalBytes / 2 && most > totalBytes / 2 - MIB);

  const spec = { app: "test", name: "one", command: "sleep 1000" };
  const refused = async (limits: object, code: "limit-beyond-host" | "no-room", words: RegExp) =>
    await assert.rejects(
      client.createProc({ ...spec, limits }),
      (error) => isSharkuError(error, code) && words.test(String(error)),
    );
  await refused({ cpus: before.cpus.total + 1 }, "limit-beyond-host", /this host has \d+, wanted/);
  await refused({ memoryBytes: totalBytes + 4096 }, "limit-beyond-host", /this host has \d+ MiB/);
  await refused({ memoryBytes: most + MIB }, "no-room", /--memory-overcommit 0\.5/);

  const half = Math.floor(most / 2);
  const { id } = await runProc(client, { ...spec, limits: { memoryBytes: half, cpus: 1 } });
  const after = await client.capacity();
  assert.deepEqual([after.procs, after.cpus.promised, after.memory.promisedBytes], [1, 1, half]);
  assert.equal(after.ports.used, 1);
  await refused({ memoryBytes: half + MIB }, "no-room", /may be promised/);
  await assert.rejects(client.patchProc(id, { limits: { memoryBytes: most + MIB } }), (error) =>
    isSharkuError(error, "no-room"),
  );
  await client.stopProc(id, { graceMs: 0 });
  await untilExited(client, id);
  assert.equal((await client.capacity()).memory.promisedBytes, 0);
});
