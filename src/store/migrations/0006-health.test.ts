import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { sampleProc } from "../../../test/samples.ts";
import { defaultWebChecks, noChecks } from "../../contract/health.ts";
import { openDatabase } from "../open-database.ts";
import { health } from "./0006-health.ts";
import { migrations } from "./migrations.ts";

test("procs of before have the checks that they would have now, and have passed them", async (context) => {
  const dir = await mkdtemp(join(tmpdir(), "sharku-store-"));
  context.after(() => rm(dir, { recursive: true }));
  const file = join(dir, "sharku.db");
  const old = openDatabase(file, migrations.slice(0, migrations.indexOf(health)));
  const insert = old.prepare("INSERT INTO procs (id, state, record) VALUES (?, 'running', ?)");
  const { spec, health: _, ...record } = sampleProc("p1", { startedAt: "2026-01-02T03:04:05.678Z" });
  const { health: __, ...oldSpec } = spec;
  const add = (id: string, more: object) =>
    insert.run(id, JSON.stringify({ ...record, id, spec: { ...oldSpec, ...more } }));
  add("web", { process: "web" });
  add("alone", { process: "web", network: { mode: "none" } });
  add("worker", { process: "worker" });
  add("command", {});
  old.close();

  const database = openDatabase(file);
  const rows = database.prepare("SELECT id, record FROM procs").all();
  database.close();
  const records: Record<string, ReturnType<typeof sampleProc>> = Object.fromEntries(
    rows.map((row) => [row["id"], JSON.parse(String(row["record"]))]),
  );
  const checks = Object.entries(records).map(([id, one]) => [id, one.spec.health]);
  assert.deepEqual(Object.fromEntries(checks), {
    ...{ web: defaultWebChecks, alone: noChecks, worker: noChecks, command: noChecks },
  });
  const passed = { started: true, ready: true, healthy: true, readyAt: record.startedAt };
  for (const one of Object.values(records)) assert.deepEqual(one.health, passed);
});
