import { chmodSync, closeSync, existsSync, linkSync, openSync, readdirSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { syncDirectory } from "../lib/atomic-file.ts";
import { CannotStart } from "../lib/cannot-start.ts";
import { migrations as allMigrations, type Migration } from "./migrations/migrations.ts";
import { integerOf, textOf } from "./row.ts";
import { sqliteTrouble } from "./sqlite-error.ts";

/** "shrk": tells our database from any other. */
const APPLICATION_ID = 0x7368726b;

/** The log is cut back to this after it has grown, and keeps so much of the disk in reserve. */
const WAL_BYTES_KEPT = 16 * 1024 * 1024;

const NEW_SUFFIX = ".new-";

/**
 * Opens the database, makes it where there is none, and brings it to the newest version. The exclusive lock that
 * SQLite takes is the lock of the state directory: the kernel gives it back when the daemon dies, however that
 * happens, and the next one reads what the dead one left in the log.
 * Errors: CannotStart, and then the database says what it said before.
 */
export function openDatabase(file: string, migrations = allMigrations): DatabaseSync {
  return orCannotStart(file, () => {
    if (!existsSync(file)) createDatabase(file, migrations);
    const database = connect(file);
    try {
      judge(database, file, migrations);
      database.exec(`PRAGMA synchronous = FULL; PRAGMA journal_size_limit = ${WAL_BYTES_KEPT}`);
      migrate(database, migrations);
      database.exec("PRAGMA foreign_keys = ON");
      chmodSync(file, 0o600);
      removeLeftovers(file);
      return database;
    } catch (error) {
      database.close();
      throw error;
    }
  });
}

/**
 * Makes the database aside and links it into place whole. So a file that is empty or half made is never ours, and
 * can be refused instead of being taken for a fresh start that forgets every proc.
 */
function createDatabase(file: string, migrations: readonly Migration[]): void {
  if (existsSync(`${file}-wal`))
    throw new CannotStart(
      `Cannot open the store "${file}": the file is gone and its log "${file}-wal" is still there, put the file back or remove the log too`,
    );
  const newFile = `${file}${NEW_SUFFIX}${process.pid}`;
  rmSync(newFile, { force: true });
  closeSync(openSync(newFile, "wx", 0o600));
  const database = connect(newFile);
  try {
    database.exec(`PRAGMA journal_mode = WAL; PRAGMA application_id = ${APPLICATION_ID}`);
    migrate(database, migrations);
  } finally {
    database.close();
  }
  try {
    linkSync(newFile, file);
  } catch (error) {
    // Another daemon was quicker; who of us is to have the directory is told by the lock.
    if (!isCode(error, "EEXIST")) throw error;
  }
  rmSync(newFile, { force: true });
  syncDirectory(dirname(file));
}

/** Waits for nobody: a lock that is held is held by a daemon, which does not let go of it. */
function connect(file: string): DatabaseSync {
  const database = new DatabaseSync(file, { timeout: 0 });
  database.exec("PRAGMA locking_mode = EXCLUSIVE");
  return database;
}

function judge(database: DatabaseSync, file: string, migrations: readonly Migration[]): void {
  // The first statement that reads the file takes the lock.
  const version = pragma(database, "user_version");
  if (pragma(database, "application_id") !== APPLICATION_ID)
    throw new CannotStart(
      `Cannot open the store "${file}": it is not a database of Sharku, restore it or name another --state-dir`,
    );
  if (version > migrations.length)
    throw new CannotStart(
      `Cannot open the store "${file}": it has version ${version} and this Sharku knows up to ${migrations.length}, use the newer Sharku that wrote it`,
    );
  const row = database.prepare("PRAGMA quick_check(1)").get();
  const verdict = row ? textOf(row, "quick_check") : "no answer";
  if (verdict !== "ok") throw damaged(file, verdict);
}

function migrate(database: DatabaseSync, migrations: readonly Migration[]): void {
  const before = pragma(database, "user_version");
  for (const [index, migration] of migrations.entries()) {
    if (index < before) continue;
    database.exec("BEGIN IMMEDIATE");
    try {
      database.exec(migration.sql);
      database.exec(`PRAGMA user_version = ${index + 1}; COMMIT`);
    } catch (cause) {
      if (database.isTransaction) database.exec("ROLLBACK");
      throw new Error(`migration ${migration.name}: ${cause instanceof Error ? cause.message : cause}`, {
        cause,
      });
    }
  }
}

/** What a daemon left that was killed while it made a database. We have the lock, so nobody is at it now. */
function removeLeftovers(file: string): void {
  const directory = dirname(file);
  for (const name of readdirSync(directory)) {
    const path = join(directory, name);
    if (path.startsWith(file + NEW_SUFFIX)) rmSync(path, { force: true });
  }
}

function orCannotStart<T>(file: string, open: () => T): T {
  try {
    return open();
  } catch (error) {
    if (error instanceof CannotStart || !(error instanceof Error)) throw error;
    switch (sqliteTrouble(error)) {
      case "busy":
        throw new CannotStart(
          `Cannot open the store "${file}": another daemon has it, stop that one or name another --state-dir`,
          { cause: error },
        );
      case "not-a-database":
      case "corrupt":
        throw damaged(file, error.message, error);
      default:
        throw new CannotStart(`Cannot open the store "${file}": ${error.message}`, { cause: error });
    }
  }
}

function damaged(file: string, verdict: string, cause?: Error): CannotStart {
  // SQLite's verdict may run over several lines.
  const line = verdict.replace(/\s+/g, " ").slice(0, 200);
  return new CannotStart(
    `Cannot open the store "${file}": it is damaged (${line}), restore it or name another --state-dir`,
    { cause },
  );
}

function pragma(database: DatabaseSync, name: string): number {
  const row = database.prepare(`PRAGMA ${name}`).get();
  return row ? integerOf(row, name) : 0;
}

function isCode(error: unknown, code: string): boolean {
  return error instanceof Error && "code" in error && error.code === code;
}
