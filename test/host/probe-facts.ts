import assert from "node:assert/strict";

/** What test/programs/probe.py tells. */
export interface Facts {
  readonly environment: Record<string, string>;
  readonly status: Record<string, string[]>;
  readonly pids: number[];
  readonly fds: string[];
  readonly stdin: string;
  readonly hostname: string;
  readonly cwd: string;
  readonly devices: string[];
  readonly limits: Record<string, number>;
  readonly calls: Record<string, string>;
  readonly clones: Record<string, string>;
  readonly sockets: Record<string, string>;
  readonly rawSocket: string;
  readonly chmodNull: string;
  readonly killHost: string;
  /** For each path its size in bytes or entries, or the error's name. */
  readonly seen: Record<string, number | string>;
  readonly reached: Record<string, string>;
  readonly writable?: string[];
}

export function parseFacts(lines: readonly string[]): Facts {
  assert.ok(lines.includes("probed"), `the probe did not come to its end:\n${lines.join("\n")}`);
  const facts = lines.filter((line) => line.startsWith("{")).map((line) => JSON.parse(line));
  // The probe and this type are kept together.
  return Object.fromEntries(facts.map(({ fact, value }) => [fact, value])) as Facts;
}
