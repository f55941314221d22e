import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { isMainThread, parentPort, Worker } from "node:worker_threads";
import { defaultLiveness, noChecks } from "../src/contract/health.ts";
import { HealthWatch } from "../src/health/health.ts";
import { listenersOf } from "../src/health/listeners.ts";
import { probe } from "../src/health/probe.ts";
import { systemClock } from "../src/lib/clock.ts";

/**
 * What it costs to ask so many apps by HTTP every ten seconds: `node bench/health.ts [APPS] [HANGING]`. The apps are one
 * server in a thread; what is told is the CPU time of the asking thread, and how long a probe takes beside those that
 * hang.
 */

const MEASURED_MS = 20_000;
const { clock, elapsedMs } = { clock: systemClock, elapsedMs: systemClock.elapsedMs };

if (isMainThread) await measure(Number(process.argv[2] ?? 1000), Number(process.argv[3] ?? 0));
else await serve();

async function serve(): Promise<void> {
  const server = createServer((request, response) => {
    if (request.url !== "/hang") response.end("fine");
  });
  server.listen(0, "127.0.0.1", 4096);
  await once(server, "listening");
  // An address of TCP is no text.
  parentPort?.postMessage((server.address() as AddressInfo).port);
}

async function measure(apps: number, hanging: number): Promise<void> {
  const worker = new Worker(new URL(import.meta.url));
  const [port]: number[] = await once(worker, "message");
  const tookMs: number[] = [];
  const health = new HealthWatch({
    ...{ clock, listenersOf, randomFraction: Math.random },
    report: (fault) => console.error(fault),
    probe: async (target, options) => {
      const probed = await probe(target, { ...options, elapsedMs });
      if (probed.outcome === "passed") tookMs.push(probed.ms);
      return probed;
    },
  });
  for (let number = 0; number < apps; number += 1) {
    const http = number < hanging ? "/hang" : "/up";
    health.watch({
      ...{ procId: `p${number}`, runId: `r${number}`, pid: null, startedAtMs: clock.now().getTime() },
      ...{ started: true, ready: true, healthy: true, address: { host: "127.0.0.1", port: port ?? 0 } },
      checks: { ...noChecks, liveness: { ...defaultLiveness, http } },
    });
  }
  const before = process.threadCpuUsage();
  await new Promise((resolve) => setTimeout(resolve, MEASURED_MS));
  const { user, system } = process.threadCpuUsage(before);
  health.close();
  await worker.terminate();
  const sorted = tookMs.toSorted((one, other) => one - other);
  console.log(
    `${apps} apps, ${hanging} of them hanging: ${(tookMs.length / MEASURED_MS) * 1000} answers a second, ` +
      `${((user + system) / 10 / MEASURED_MS).toFixed(2)} % of a CPU, ` +
      `median ${sorted[Math.floor(sorted.length / 2)]} ms, p99 ${sorted[Math.floor(sorted.length * 0.99)]} ms`,
  );
}
