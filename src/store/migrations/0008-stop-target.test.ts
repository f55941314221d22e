import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { sampleProc } from "../../../test/samples.ts";
import { openDatabase } from "../open-database.ts";
import { stopTarget } from "./0008-stop-target.ts";
import { migrations } from "./migrations.ts";

test("procs of before are stopped as they were, and no choice is changed", async (context) => {
  const dir = await mkdtemp(join(tmpdir(), "sharku-store-"));
  context.after(() => rm(dir, { recursive: true }));
  const file = join(dir, "sharku.db");
  const old = openDatabase(file, migrations.slice(0, migrations.indexOf(stopTarget)));
  const insert = old.prepare("INSERT INTO procs (id, state, record) VALUES (?, 'running', ?)");
  const stop = { signal: "SIGINT", graceMs: 7 };
  for (const [id, more] of [
    ["before", {}],
    ["chosen", { target: "all" }],
  ] as const) {
    const record = sampleProc(id);
    insert.run(id, JSON.stringify({ ...record, spec: { ...record.spec, stop: { ...stop, ...more } } }));
  }
  old.close();
  const database = openDatabase(file);
  const rows = database.prepare("SELECT record FROM procs ORDER BY id").all();
  database.close();
  assert.deepEqual(
    rows.map((row) => JSON.parse(String(row["record"])).spec.stop),
    [
      { ...stop, target: "main" },
      { ...stop, target: "all" },
    ],
  );
});
