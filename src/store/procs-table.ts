import type { DatabaseSync } from "node:sqlite";
import type { ProcRecord, RunRecord } from "../procs/record.ts";
import { textOf } from "./row.ts";

/** What is known of procs and of their runs. A run refers to its proc, so the proc is saved first and deleted last. */
export class ProcsTable {
  readonly #saveProc;
  readonly #deleteProc;
  readonly #saveRun;
  readonly #deleteRun;
  readonly #allProcs;
  readonly #allRuns;

  constructor(database: DatabaseSync) {
    // Not INSERT OR REPLACE: that deletes the row first, and the proc's runs refer to it.
    this.#saveProc = database.prepare(
      `INSERT INTO procs (id, state, record) VALUES (?, ?, ?)
       ON CONFLICT (id) DO UPDATE SET state = excluded.state, record = excluded.record`,
    );
    this.#deleteProc = database.prepare("DELETE FROM procs WHERE id = ?");
    this.#saveRun = database.prepare(
      `INSERT INTO runs (id, proc_id, slot, record) VALUES (?, ?, ?, ?)
       ON CONFLICT (id) DO UPDATE SET slot = excluded.slot, record = excluded.record`,
    );
    this.#deleteRun = database.prepare("DELETE FROM runs WHERE id = ?");
    this.#allProcs = database.prepare("SELECT record FROM procs ORDER BY id");
    this.#allRuns = database.prepare("SELECT record FROM runs ORDER BY id");
  }

  saveProc(record: ProcRecord): void {
    this.#saveProc.run(record.id, record.state, JSON.stringify(record));
  }

  deleteProc(id: string): void {
    this.#deleteProc.run(id);
  }

  saveRun(record: RunRecord): void {
    this.#saveRun.run(record.id, record.procId, record.slot, JSON.stringify(record));
  }

  deleteRun(id: string): void {
    this.#deleteRun.run(id);
  }

  allProcs(): ProcRecord[] {
    // `as`: saveProc wrote it from this very type, and a change of the type comes with a migration.
    return this.#allProcs.all().map((row) => JSON.parse(textOf(row, "record")) as ProcRecord);
  }

  allRuns(): RunRecord[] {
    // `as`: as above, by saveRun.
    return this.#allRuns.all().map((row) => JSON.parse(textOf(row, "record")) as RunRecord);
  }
}
