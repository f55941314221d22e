import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { SharkuError } from "../contract/errors.ts";
import { defaultLimits } from "../contract/proc.ts";
import type { Figures } from "../contract/stats.ts";
import type { Measured } from "../procs/measured.ts";
import { ProcFigures } from "./figures.ts";

const CPU = { userMs: 0, systemMs: 0, limitCpus: null, periods: 0, throttledPeriods: 0, throttledMs: 0 };

/** A host in memory whose procs use half a processor, send a byte each millisecond, and write to their disks. */
class Host {
  readonly procs: Measured[] = [];
  nowMs = 0;
  reads = 0;
  readonly figures = new ProcFigures({
    procs: {
      measured: (id) => {
        const found = this.procs.filter((proc) => id === undefined || proc.id === id);
        if (id !== undefined && found.length === 0)
          throw new SharkuError("proc-not-found", `Cannot find proc "${id}"`);
        return found;
      },
    },
    runs: { figures: async () => this.#read() },
    network: {
      counters: () => ({ receivedBytes: 0, sentBytes: this.nowMs, receivedPackets: 0, sentPackets: 0 }),
    },
    clock: {
      now: () => new Date(this.nowMs),
      elapsedMs: () => this.nowMs,
      sleep: async (ms, signal) => {
        await new Promise((resolve) => setImmediate(resolve));
        signal?.throwIfAborted();
        this.nowMs += ms;
      },
    },
  });

  add(fields: Partial<Measured> & { id: string }): void {
    this.procs.push({
      ...{ app: "shop", name: "web.1", state: "running", limits: defaultLimits },
      ...{ startedAt: "2026-01-01T00:00:00.000Z", exitedAt: null, hasNetwork: true, lastFigures: null },
      run: { id: `run-${fields.id}`, slot: 0 },
      ...fields,
    });
  }

  change(id: string, fields: Partial<Measured>): void {
    const at = this.procs.findIndex((proc) => proc.id === id);
    const proc = this.procs[at];
    assert.ok(proc !== undefined);
    this.procs[at] = { ...proc, ...fields };
  }

  async #read(): Promise<Figures> {
    this.reads += 1;
    return {
      ...{ memory: null, pids: null, io: null, network: null },
      cpu: { usageMs: Math.round(this.nowMs / 2), ...CPU },
      disk: { usedBytes: 7, limitBytes: 999, usedFiles: 1, limitFiles: 9 },
    };
  }
}

const never = new AbortController().signal;

async function take<T>(records: AsyncIterable<T>, count: number): Promise<T[]> {
  const taken: T[] = [];
  for await (const record of records) if (taken.push(record) === count) break;
  return taken;
}

describe("ProcFigures", () => {
  it("tells what a proc uses, of its disk by the limit that was asked for", async () => {
    const host = new Host();
    host.add({ id: "a" });
    host.nowMs = 1000;
    const stats = await host.figures.one("a");
    assert.deepEqual([stats.cpu?.usageMs, stats.network?.sentBytes, stats.rates], [500, 1000, null]);
    assert.deepEqual([stats.disk?.limitBytes, stats.isFinal], [defaultLimits.appBytes, false]);
    await assert.rejects(host.figures.one("b"), { code: "proc-not-found" });
  });

  it("tells no network of a proc that has none", async () => {
    const host = new Host();
    host.add({ id: "a", hasNetwork: false });
    assert.equal((await host.figures.one("a")).network, null);
  });

  it("tells of an ended one what it had used, and nothing of one that has not begun", async () => {
    const host = new Host();
    const memory = {
      ...{ usedBytes: 0, totalBytes: 0, anonBytes: 0, fileBytes: 0, inactiveFileBytes: 0, shmemBytes: 0 },
      ...{ kernelBytes: null, limitBytes: 9, peakBytes: 8, oomKills: 1 },
    };
    const lastFigures = { memory, cpu: null, pids: null, io: null, disk: null, network: null };
    const exitedAt = "2026-01-01T01:00:00.000Z";
    host.add({ id: "old", state: "fail", run: null, exitedAt, lastFigures });
    const { memory: told, time, isFinal } = await host.figures.one("old");
    assert.deepEqual([told, time, isFinal], [memory, exitedAt, true]);
    host.add({ id: "new", state: "init", run: null, startedAt: null });
    const none = await host.figures.one("new");
    assert.deepEqual([none.memory, none.cpu, none.since, none.isFinal], [null, null, null, false]);
    assert.equal(host.reads, 0);
  });

  it("follows with rates, and ends with the proc", async () => {
    const host = new Host();
    host.add({ id: "a" });
    const following = host.figures.follow("a", { intervalMs: 1000, signal: never });
    const [first, second, third] = await take(following, 3);
    assert.equal(first?.rates, null);
    for (const stats of [second, third]) {
      assert.deepEqual(
        [stats?.rates?.cpuPercent, stats?.rates?.sentBytesPerSecond, stats?.rates?.readBytesPerSecond],
        [50, 1000, null],
      );
    }
    const rest = host.figures.follow("a", { intervalMs: 500, signal: never });
    await rest.next();
    host.change("a", { state: "done", run: null, exitedAt: "2026-01-01T01:00:00.000Z" });
    const last = await rest.next();
    assert.deepEqual([last.value?.isFinal, (await rest.next()).done], [true, true]);
  });

  it("tells no rates from one run to the next", async () => {
    const host = new Host();
    host.add({ id: "a" });
    const following = host.figures.follow("a", { intervalMs: 1000, signal: never });
    await take({ [Symbol.asyncIterator]: () => ({ next: () => following.next() }) }, 2);
    host.change("a", { run: { id: "another", slot: 1 } });
    const { value } = await following.next();
    assert.equal(value?.rates, null);
  });

  it("ends where the proc goes, and where nobody reads on", async () => {
    const host = new Host();
    host.add({ id: "a" });
    const following = host.figures.follow("a", { intervalMs: 1000, signal: never });
    await following.next();
    host.procs.length = 0;
    assert.equal((await following.next()).done, true);
    const gone = new AbortController();
    host.add({ id: "b" });
    const all = host.figures.followAll({}, { intervalMs: 1000, signal: gone.signal });
    await all.next();
    gone.abort();
    assert.equal((await all.next()).done, true);
  });

  it("reads once for all who follow", async () => {
    const host = new Host();
    host.add({ id: "a" });
    await Promise.all(Array.from({ length: 20 }, () => host.figures.one("a")));
    assert.equal(host.reads, 1);
    await Promise.all([host.figures.one("a"), host.figures.all({})]);
    assert.equal(host.reads, 1);
    host.nowMs += 200;
    await host.figures.one("a");
    assert.equal(host.reads, 2);
  });

  it("tells of all that have not ended, or of an app's, or of the ended too", async () => {
    const host = new Host();
    for (let number = 0; number < 60; number += 1) host.add({ id: `p${number}` });
    host.add({ id: "other", app: "weather" });
    host.add({ id: "old", state: "done", run: null });
    assert.equal((await host.figures.all({})).items.length, 61);
    assert.deepEqual(
      (await host.figures.all({ app: "weather" })).items.map(({ id }) => id),
      ["other"],
    );
    assert.equal((await host.figures.all({ ended: true })).items.length, 62);
    const [, second] = await take(host.figures.followAll({}, { intervalMs: 1000, signal: never }), 2);
    assert.deepEqual(new Set(second?.items.map(({ rates }) => rates?.cpuPercent)), new Set([50]));
  });
});
