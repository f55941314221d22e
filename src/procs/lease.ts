import { finalStates } from "../contract/states.ts";
import type { NetworkLease } from "./needs.ts";
import type { ProcRecord, RunRecord } from "./record.ts";

/** The run's place on the network, or null where its proc has none. */
export function leaseOf(record: ProcRecord, run: RunRecord): NetworkLease | null {
  return record.port === null ? null : { runId: run.id, slot: run.slot, port: record.port };
}

/** Its port is its own until it has ended and its last run has given everything back; the record still shows it. */
export function holdsPort({ port, state }: ProcRecord, run: RunRecord | null): boolean {
  return port !== null && (run !== null || !finalStates.includes(state));
}
