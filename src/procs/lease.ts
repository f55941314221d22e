import type { NetworkLease } from "./needs.ts";
import type { ProcRecord, RunRecord } from "./record.ts";

/** The run's place on the network, or null where its proc has none. */
export function leaseOf(record: ProcRecord, run: RunRecord): NetworkLease | null {
  return record.port === null ? null : { runId: run.id, slot: run.slot, port: record.port };
}
