import { noChecks } from "../../src/contract/health.ts";
import { defaultLimits, defaultStop, type Proc } from "../../src/contract/proc.ts";
import { defaultRestart } from "../../src/contract/restart.ts";

/** A proc that runs, as an answer has it; `tick` tells the next moment. */
export function blankProc(id: string, tick: () => string): Proc {
  return {
    id,
    app: "shop",
    name: "web.1",
    state: "running",
    ready: true,
    readyAt: null,
    healthy: null,
    exit: null,
    image: null,
    progress: null,
    template: "host",
    command: "serve",
    process: null,
    configNames: [],
    port: 10_000,
    ports: {},
    address: "127.0.0.1:10000",
    network: { mode: "private" },
    limits: defaultLimits,
    stop: defaultStop,
    health: noChecks,
    ...{ restart: defaultRestart, restarts: 0, nextRestartAt: null, lastExit: null },
    ...{ ttlMs: null, expiresAt: null },
    runtime: "crun",
    labels: {},
    hypervisor: "fake",
    createdAt: tick(),
    startedAt: tick(),
    exitedAt: null,
    timings: {},
    links: {
      self: `/v1/procs/${id}`,
      logs: `/v1/procs/${id}/logs`,
      events: `/v1/procs/${id}/events`,
      stats: `/v1/procs/${id}/stats`,
      health: `/v1/procs/${id}/health`,
    },
  };
}
