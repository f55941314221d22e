import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { SharkuError } from "../contract/errors.ts";
import { defaultLimits } from "../contract/proc.ts";
import type { Measured } from "../procs/measured.ts";
import { HostRoom } from "./host-room.ts";
import { parseLoadavg, parseMeminfo } from "./read-host.ts";

const MIB = 2 ** 20;
const limits = { ...defaultLimits, memoryBytes: 512 * MIB };
const aSmallServer = {
  ...{ cores: 2, memoryBytes: 1000 * MIB, availableBytes: 700 * MIB },
  ...{ tasks: 200, tasksMax: 10_000, loadAverage: 0.5 },
};

function roomOf(host = aSmallServer, memoryOvercommit: number | null = null): HostRoom {
  return new HostRoom({
    readHost: () => host,
    readDisk: () => ({ totalBytes: 100, availableBytes: 60, keptBytes: 5 }),
    memoryOvercommit,
    slotCount: 10,
    ports: () => ({ total: 100, free: 98 }),
  });
}

function refusal(action: () => void): SharkuError {
  try {
    action();
  } catch (error) {
    if (error instanceof SharkuError) return error;
    throw error;
  }
  return assert.fail("it was let through");
}

describe("HostRoom", () => {
  it("refuses what the whole host has not, and says what it has", () => {
    const cpus = refusal(() => roomOf().assertPossible({ ...limits, cpus: 2.5 }));
    assert.deepEqual(
      [cpus.code, cpus.status, cpus.faults[0]?.pointer],
      ["limit-beyond-host", 422, "/limits/cpus"],
    );
    assert.match(cpus.message, /this host has 2/);
    const memory = refusal(() => roomOf().assertPossible({ ...limits, memoryBytes: 1001 * MIB }));
    assert.equal(memory.faults[0]?.pointer, "/limits/memoryBytes");
    assert.match(memory.message, /this host has 1000 MiB/);
    roomOf().assertPossible({ ...limits, cpus: 2, memoryBytes: 1000 * MIB });
  });

  it("lets a small server promise more than it has, as long as there really is room", () => {
    roomOf().assertRoom(limits, Array(20).fill(limits));
    const { code, status, message } = refusal(() =>
      roomOf({ ...aSmallServer, availableBytes: 49 * MIB }).assertRoom(limits, []),
    );
    assert.deepEqual([code, status], ["no-room", 507]);
    assert.match(message, /memory is short, 49 MiB are available and 50 MiB are kept/);
  });

  it("holds to the operator's bound on what is promised", () => {
    roomOf(aSmallServer, 1.5).assertRoom(limits, [limits]);
    const { message } = refusal(() => roomOf(aSmallServer, 1.5).assertRoom(limits, [limits, limits]));
    assert.match(
      message,
      /of the 1500 MiB .*--memory-overcommit 1\.5\), 1024 MiB are, and 512 MiB were wanted/,
    );
  });

  it("leaves the host some processes", () => {
    const { message } = refusal(() => roomOf({ ...aSmallServer, tasks: 9600 }).assertRoom(limits, []));
    assert.match(message, /allows 400 more and 500 are kept/);
  });

  it("tells what there is, what is promised and what is left", () => {
    const proc: Measured = {
      ...{ id: "a", app: "shop", name: "web.1", state: "running", limits: { ...limits, cpus: 0.5 } },
      ...{ startedAt: null, exitedAt: null, run: null, hasNetwork: true, lastFigures: null },
    };
    const procs = [proc, { ...proc, limits }, { ...proc, state: "done" as const }];
    const capacity = roomOf(aSmallServer, 1.5).capacity(procs);
    assert.deepEqual(capacity.memory, {
      ...{ totalBytes: 1000 * MIB, availableBytes: 700 * MIB, usedBytes: 300 * MIB },
      ...{ promisedBytes: 1024 * MIB, keptBytes: 50 * MIB, overcommit: 1.5, roomBytes: 476 * MIB },
    });
    assert.deepEqual(capacity.cpus, { total: 2, promised: 0.5, unboundProcs: 1, loadAverage: 0.5 });
    assert.deepEqual(capacity.slots, { total: 10, used: 2, free: 8 });
    assert.deepEqual(capacity.ports, { total: 100, used: 2, free: 98 });
    assert.deepEqual(capacity.processes, { total: 10_000, used: 200, promised: 512, kept: 500 });
    assert.equal(capacity.disk.promisedBytes, 2 * limits.appBytes);
    assert.equal(capacity.procs, 2);
    assert.equal(roomOf().capacity(procs).memory.roomBytes, 1000 * MIB);
    assert.equal(roomOf({ ...aSmallServer, availableBytes: 10 * MIB }).capacity(procs).memory.roomBytes, 0);
  });

  it("reads the kernel's words", () => {
    const text = "MemTotal:       24683904 kB\nMemFree:        100 kB\nMemAvailable:   24206640 kB\n";
    assert.deepEqual(parseMeminfo(text), { memoryBytes: 24683904 * 1024, availableBytes: 24206640 * 1024 });
    assert.deepEqual(parseLoadavg("0.20 0.18 0.12 1/80 11206\n"), { tasks: 80, loadAverage: 0.2 });
  });
});
