import { noChecks } from "../src/contract/health.ts";
import type { Exit, Proc } from "../src/contract/proc.ts";
import { defaultLimits, defaultNetwork, defaultStop } from "../src/contract/proc.ts";
import { defaultRestart } from "../src/contract/restart.ts";
import type { NewEvent, ProcRecord, RunRecord } from "../src/procs/record.ts";

/** Records, runs and events to test with. */

const TIME = "2026-01-02T03:04:05.678Z";

export function sampleProc(id: string, more: Partial<ProcRecord> = {}): ProcRecord {
  return {
    id,
    spec: {
      app: "shop",
      name: id,
      image: null,
      imageSha256: null,
      template: "host",
      command: ["true"],
      process: null,
      config: { TOKEN: "canary-of-the-config" },
      callbackUrl: null,
      callbackSecrets: [],
      limits: defaultLimits,
      stop: defaultStop,
      restart: defaultRestart,
      ttlMs: null,
      health: noChecks,
      runtime: "crun",
      network: defaultNetwork,
      labels: {},
    },
    program: { digest: null, command: ["true"] },
    state: "init",
    wanted: "running",
    stopping: null,
    health: { started: true, ready: true, healthy: true, readyAt: null },
    port: 10_000,
    exit: null,
    createdAt: TIME,
    startedAt: null,
    exitedAt: null,
    timings: {},
    runs: 0,
    ...{ restarts: 0, attempts: 0, nextRestartAt: null, lastExit: null },
    ...more,
  };
}

export function sampleRun(id: string, { procId, slot }: { procId: string; slot: number }): RunRecord {
  return {
    id,
    procId,
    number: 1,
    slot,
    bootId: "boot",
    released: false,
    createdAt: TIME,
    templateVersion: "1",
  };
}

export const sampleExit: Exit = {
  ...{ code: 0, signal: null, reason: "completed", oom: false, killed: false },
  message: "The command ended with code 0",
  at: TIME,
};

export function sampleEvent(id: string, procId: string, time = TIME): NewEvent {
  return { id, type: "proc.state", time, procId, proc: wireProc(procId) };
}

function wireProc(id: string): Proc {
  return {
    id,
    app: "shop",
    name: id,
    state: "running",
    ready: true,
    readyAt: TIME,
    healthy: null,
    exit: null,
    image: null,
    progress: null,
    template: "host",
    command: ["true"],
    process: null,
    configNames: ["TOKEN"],
    port: 10_000,
    ports: {},
    address: "127.0.0.1:10000",
    network: defaultNetwork,
    limits: defaultLimits,
    stop: defaultStop,
    ...{ restart: defaultRestart, restarts: 0, nextRestartAt: null, lastExit: null },
    ...{ ttlMs: null, expiresAt: null },
    health: noChecks,
    runtime: "crun",
    labels: {},
    hypervisor: "here",
    createdAt: TIME,
    startedAt: TIME,
    exitedAt: null,
    timings: {},
    links: {
      self: `/v1/procs/${id}`,
      logs: `/v1/procs/${id}/logs`,
      events: `/v1/procs/${id}/events`,
      health: `/v1/procs/${id}/health`,
      stats: `/v1/procs/${id}/stats`,
    },
  };
}
