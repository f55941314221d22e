import assert from "node:assert/strict";

/** What test/programs/probe.py tells. Answers are "ok" or an error's name. */
export interface Facts {
  readonly environment: Record<string, string>;
  readonly status: Record<string, string[]>;
  readonly idMaps: { uid: number[][]; gid: number[][] };
  readonly namespaces: Record<string, string>;
  readonly cgroupPaths: string[];
  readonly cgroupLimits: { memory: string; pids: string };
  readonly initEnvironment: string[];
  readonly pids: number[];
  readonly fds: string[];
  readonly stdin: string;
  readonly hostname: string;
  readonly cwd: string;
  readonly limits: Record<string, number[]>;
  readonly oomScoreAdj: { is: number; spared: string; first: string };
  readonly sharedMemory: number;
  readonly killHost: string;
  readonly killInit: string;
  readonly calls: Record<string, string>;
  readonly clones: Record<string, string>;
  readonly enters: Record<string, string>;
  /** Socket families that the kernel seems to have, by number: "ok" or "refused". */
  readonly families: Record<string, string>;
  readonly rawSocket: string;
  readonly personalities: Record<string, string>;
  readonly foreignCalls: Record<string, string>;
  readonly mounts: Record<string, string>;
  readonly devices: Record<string, string>;
  readonly executes: Record<string, string>;
  readonly setuid: Record<string, string>;
  readonly opensDevices: Record<string, string>;
  readonly chmodNull: string;
  /** For each path its size in bytes or entries, or the error's name. */
  readonly seen: Record<string, number | string>;
  readonly kinds: Record<string, string>;
  readonly writable: string[];
  readonly abstract: Record<string, string>;
  readonly reached: Record<string, string>;
}

export function parseFacts(lines: readonly string[]): Facts {
  assert.ok(lines.includes("probed"), `the probe did not come to its end:\n${lines.join("\n")}`);
  const facts = lines.filter((line) => line.startsWith("{")).map((line) => JSON.parse(line));
  // The probe and this type are kept together.
  return Object.fromEntries(facts.map(({ fact, value }) => [fact, value])) as Facts;
}
