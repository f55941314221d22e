import assert from "node:assert/strict";
import type { ServerResponse } from "node:http";
import type { ApiNeeds } from "../../src/api/needs.ts";
import type { Capacity } from "../../src/contract/capacity.ts";
import type { Proc } from "../../src/contract/proc.ts";
import { finalStates } from "../../src/contract/states.ts";
import type { Stats } from "../../src/contract/stats.ts";

/** For tests that ask for no figures. */
export const noFigures: Pick<ApiNeeds, "figures" | "capacity"> = {
  figures: {
    one: () => assert.fail("not asked for"),
    all: () => assert.fail("not asked for"),
    follow: () => assert.fail("not asked for"),
    followAll: () => assert.fail("not asked for"),
  },
  capacity: () => assert.fail("not asked for"),
};

const MIB = 2 ** 20;
const LISTS = 3;

/** Of a proc that uses half of its memory and, while it runs, half a processor. */
export function fakeStats(
  { id, app, name, state, limits, startedAt }: Proc,
  { time, withRates }: { time: string; withRates: boolean },
): Stats {
  const isFinal = finalStates.includes(state);
  const used = limits.memoryBytes / 2;
  return {
    ...{ id, app, name, state, time, since: startedAt, isFinal },
    memory: {
      ...{ usedBytes: used, totalBytes: used, anonBytes: used, fileBytes: 0, inactiveFileBytes: 0 },
      ...{ shmemBytes: 0, kernelBytes: null, limitBytes: limits.memoryBytes, peakBytes: used, oomKills: 0 },
    },
    cpu: {
      ...{ usageMs: 1500, userMs: 1000, systemMs: 500, limitCpus: limits.cpus },
      ...{ periods: 0, throttledPeriods: 0, throttledMs: 0 },
    },
    pids: { current: 3, limit: limits.pids, refused: 0 },
    io: null,
    disk: { usedBytes: limits.appBytes, limitBytes: limits.appBytes, usedFiles: 1, limitFiles: 9 },
    network: { receivedBytes: 10, sentBytes: 2048, receivedPackets: 1, sentPackets: 2 },
    rates: withRates
      ? {
          ...{ intervalMs: 1000, cpuPercent: 50, readBytesPerSecond: null, writeBytesPerSecond: null },
          ...{ receivedBytesPerSecond: 5, sentBytesPerSecond: 1024 },
        }
      : null,
  };
}

/** Answers `allStats`: once, or a few times where that is followed. */
export function answerAllStats(
  procs: readonly Proc[],
  { query, response }: { query: URLSearchParams; response: ServerResponse },
): unknown {
  const list = (number: number) => {
    const time = `2026-01-01T00:00:0${number}.000Z`;
    const wanted = procs.filter(({ state }) => query.get("ended") === "true" || !finalStates.includes(state));
    return { time, items: wanted.map((proc) => fakeStats(proc, { time, withRates: number > 0 })) };
  };
  if (query.get("follow") !== "true") return list(0);
  response.writeHead(200, { "content-type": "application/x-ndjson" });
  for (let number = 0; number < LISTS; number += 1) response.write(`${JSON.stringify(list(number))}\n`);
  response.end();
  return undefined;
}

export const fakeCapacity: Capacity = {
  memory: {
    ...{ totalBytes: 1024 * MIB, availableBytes: 700 * MIB, usedBytes: 324 * MIB },
    ...{ promisedBytes: 2048 * MIB, keptBytes: 51 * MIB, overcommit: null, roomBytes: 1024 * MIB },
  },
  cpus: { total: 2, promised: 1.5, unboundProcs: 3, loadAverage: 0.25 },
  disk: { totalBytes: 100 * MIB, availableBytes: 60 * MIB, promisedBytes: 10 * MIB, keptBytes: 5 * MIB },
  processes: { total: 32_768, used: 200, promised: 1024, kept: 1024 },
  slots: { total: 4093, used: 4, free: 4089 },
  ports: { total: 10_000, used: 4, free: 9996 },
  procs: 4,
};
