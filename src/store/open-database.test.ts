import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { mkdtemp, readdir, readFile, rm, stat, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { test } from "node:test";
import { CannotStart } from "../lib/cannot-start.ts";
import { migrations } from "./migrations/migrations.ts";
import { openDatabase } from "./open-database.ts";
import { openStore } from "./store.ts";

async function tempDir() {
  const path = await mkdtemp(join(tmpdir(), "sharku-store-"));
  return {
    path,
    file: join(path, "sharku.db"),
    [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }),
  };
}

async function madeStore(stateDir: string): Promise<void> {
  const store = await openStore({ stateDir });
  await store.close();
}

async function digest(file: string): Promise<string> {
  return createHash("sha256")
    .update(await readFile(file))
    .digest("hex");
}

/** The one line with which a directory is refused, whose database must be as before. */
async function refusal(stateDir: string): Promise<string> {
  const file = join(stateDir, "sharku.db");
  const before = await digest(file);
  const error = await openStore({ stateDir }).then(
    () => null,
    (reason: unknown) => reason,
  );
  assert(error instanceof CannotStart, `openStore() gave ${error}`);
  assert(!error.message.includes("\n"));
  assert.equal(await digest(file), before);
  return error.message;
}

function change(file: string, sql: string): void {
  const database = new DatabaseSync(file);
  database.exec(sql);
  database.close();
}

test("openStore() refuses a database of a newer version", async () => {
  await using dir = await tempDir();
  await madeStore(dir.path);
  change(dir.file, "PRAGMA user_version = 999");

  assert.match(
    await refusal(dir.path),
    /it has version 999 and this Sharku knows up to \d+, use the newer Sharku/,
  );
});

test("openStore() refuses a file that is no database, and one that is empty", async () => {
  await using dir = await tempDir();
  await writeFile(dir.file, "these are the wrong bytes\n".repeat(400));
  assert.match(await refusal(dir.path), /it is damaged \(file is not a database\)/);
  await writeFile(dir.file, "");
  assert.match(await refusal(dir.path), /it is not a database of Sharku/);
});

test("openStore() refuses the database of another program", async () => {
  await using dir = await tempDir();
  change(dir.file, "CREATE TABLE songs (title TEXT)");

  assert.match(await refusal(dir.path), /it is not a database of Sharku/);
});

test("openStore() refuses a database that was cut short or overwritten", async () => {
  await using dir = await tempDir();
  await madeStore(dir.path);
  const whole = await readFile(dir.file);
  await truncate(dir.file, whole.length - 8192);
  assert.match(await refusal(dir.path), /it is damaged/);
  await writeFile(
    dir.file,
    Buffer.concat([whole.subarray(0, 8192), Buffer.alloc(whole.length - 8192, 0x5a)]),
  );
  assert.match(await refusal(dir.path), /it is damaged/);
});

test("openStore() refuses to begin anew where only the log of a lost database is left", async () => {
  await using dir = await tempDir();
  await writeFile(`${dir.file}-wal`, "something");

  await assert.rejects(openStore({ stateDir: dir.path }), (error) => {
    return error instanceof CannotStart && error.message.includes("the file is gone and its log");
  });
  assert.deepEqual(await readdir(dir.path), ["sharku.db-wal"]);
});

test("openStore() refuses a directory that is not there", async () => {
  await using dir = await tempDir();

  await assert.rejects(openStore({ stateDir: join(dir.path, "missing") }), CannotStart);
});

test("openStore() refuses at once while another daemon has the directory, and no longer when it was killed", async () => {
  await using dir = await tempDir();
  const program = join(import.meta.dirname, "../../test/programs/commit-forever.ts");
  const other = spawn(process.execPath, [program, dir.path, "other"], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const ended = once(other, "exit");
  try {
    await once(other.stdout, "data");
    const error = await openStore({ stateDir: dir.path }).then(
      () => null,
      (reason: unknown) => reason,
    );
    assert(error instanceof CannotStart);
    assert.match(error.message, /another daemon has it, stop that one or name another --state-dir/);
    assert.equal(other.exitCode, null);
  } finally {
    other.kill("SIGKILL");
    await ended;
  }

  const store = await openStore({ stateDir: dir.path });
  const { procs } = await store.load();
  await store.close();
  assert.notEqual(procs.length, 0);
});

test("openStore() refuses a second opening in the same process too", async () => {
  await using dir = await tempDir();
  const store = await openStore({ stateDir: dir.path });

  await assert.rejects(openStore({ stateDir: dir.path }), /another daemon has it/);

  await store.setMeta("still", "works");
  assert.equal(await store.getMeta("still"), "works");
  await store.close();
});

test("openStore() mends the mode of the file and removes what a killed first start left", async () => {
  await using dir = await tempDir();
  await madeStore(dir.path);
  await writeFile(`${dir.file}.new-4711`, "half made");

  const store = await openStore({ stateDir: dir.path });
  const names = await readdir(dir.path);
  await store.close();

  assert.deepEqual(
    names.filter((name) => name.includes(".new-")),
    [],
  );
  assert.equal((await stat(dir.file)).mode & 0o777, 0o600);
});

test("openDatabase() brings an older database to the newest version, keeping what it holds", async () => {
  await using dir = await tempDir();
  const old = openDatabase(dir.file);
  old.exec("INSERT INTO meta (key, value) VALUES ('kept', 'yes')");
  old.close();

  const second = { name: "0002-test", sql: "ALTER TABLE meta ADD COLUMN note TEXT" };
  const database = openDatabase(dir.file, [...migrations, second]);
  const row = database.prepare("SELECT value, note FROM meta WHERE key = 'kept'").get();
  const version = database.prepare("PRAGMA user_version").get();
  database.close();

  assert.deepEqual({ ...row }, { value: "yes", note: null });
  assert.deepEqual({ ...version }, { user_version: migrations.length + 1 });
});

test("openDatabase() takes a migration back whole where it fails", async () => {
  await using dir = await tempDir();
  openDatabase(dir.file).close();
  const broken = { name: "0002-broken", sql: "CREATE TABLE half (a); INSERT INTO nowhere VALUES (1)" };

  assert.throws(
    () => openDatabase(dir.file, [...migrations, broken]),
    /CannotStart: .*0002-broken: no such table: nowhere/,
  );

  const database = openDatabase(dir.file);
  const half = database.prepare("SELECT name FROM sqlite_schema WHERE name = 'half'").all();
  database.close();
  assert.deepEqual(half, []);
});
