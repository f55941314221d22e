import { closeSync, mkdirSync, openSync, realpathSync } from "node:fs";
import { dirname } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { CannotStart } from "../lib/cannot-start.ts";
import { readInstanceId } from "./instance-id.ts";
import { integerOf, textOf } from "./row.ts";
import { sqliteTrouble } from "./sqlite-error.ts";

/**
 * The daemons of one host, so that each has a block of uids and a subnet of its own. It is opened for the moment
 * only, by daemons and by nobody else, and stays when the last of them goes.
 */

/** So many daemons can be on one host. */
export const INSTANCES_MAX = 32;

/** A claim takes milliseconds; another that holds it longer is stuck. */
const BUSY_MS = 10_000;

const SCHEMA = `
  CREATE TABLE IF NOT EXISTS instances (
    place INTEGER PRIMARY KEY CHECK (place BETWEEN 0 AND ${INSTANCES_MAX - 1}),
    instance_id TEXT NOT NULL UNIQUE,
    state_dir TEXT NOT NULL
  ) STRICT`;

export interface Instance {
  /** The database; `defaultRegistryFile` says where it usually is. */
  readonly registryFile: string;
  readonly instanceId: string;
  readonly stateDir: string;
}

export interface Claim extends Instance {
  /** Whether something on the host, not in the registry, has what would be made from this index. */
  readonly isTaken: (index: number) => boolean;
}

interface Entry {
  readonly index: number;
  readonly instanceId: string;
  readonly stateDir: string;
}

export function defaultRegistryFile(env: NodeJS.ProcessEnv): string {
  return env["SHARKU_REGISTRY"] ?? "/var/lib/sharku-host/registry.db";
}

/**
 * Gives this daemon its index, 0 to 31: the same as before where it had one, else the lowest free. Called at each
 * start, after `<stateDir>/instance` was written. A daemon whose state directory is gone, or has another id, has
 * lost its index; one whose directory was moved keeps it.
 * Errors: CannotStart where none is free, where another directory has the same id, or the registry cannot be read.
 */
export function claimInstance(claim: Claim): number {
  const stateDir = realpathSync(claim.stateDir);
  return withRegistry(claim.registryFile, (database) => {
    for (const { index } of allEntries(database).filter((entry) => isDead(entry, claim.instanceId)))
      database.prepare("DELETE FROM instances WHERE place = ?").run(index);
    const entries = allEntries(database);
    const own = entries.find(({ instanceId }) => instanceId === claim.instanceId);
    const index = own ? keepPlace(own, stateDir) : freePlace(entries, claim);
    database
      .prepare(
        `INSERT INTO instances (place, instance_id, state_dir) VALUES (?, ?, ?)
         ON CONFLICT (place) DO UPDATE SET state_dir = excluded.state_dir`,
      )
      .run(index, claim.instanceId, stateDir);
    return index;
  });
}

/** Gives the index back, where nothing of the daemon is left on the host. Repeating it is fine. */
export function releaseInstance({ registryFile, instanceId }: Omit<Instance, "stateDir">): void {
  withRegistry(registryFile, (database) => {
    database.prepare("DELETE FROM instances WHERE instance_id = ?").run(instanceId);
  });
}

function keepPlace(own: Entry, stateDir: string): number {
  const isMoved = own.stateDir !== stateDir && !holds(own);
  if (own.stateDir === stateDir || isMoved) return own.index;
  throw new CannotStart(
    `Cannot claim the instance id "${own.instanceId}": "${own.stateDir}" has it too, "${stateDir}" seems to be its copy; begin with an empty state directory`,
  );
}

function freePlace(entries: readonly Entry[], { isTaken }: Claim): number {
  for (let index = 0; index < INSTANCES_MAX; index += 1)
    if (!entries.some((entry) => entry.index === index) && !isTaken(index)) return index;
  throw new CannotStart(
    `Cannot claim a place on this host: all ${INSTANCES_MAX} are taken, remove a daemon's state directory that is not needed any more`,
  );
}

/** An entry of the claimer's own id is never dead: its directory was moved. */
function isDead(entry: Entry, ownId: string): boolean {
  return entry.instanceId !== ownId && !holds(entry);
}

function holds({ stateDir, instanceId }: Entry): boolean {
  return readInstanceId(stateDir) === instanceId;
}

function allEntries(database: DatabaseSync): Entry[] {
  return database
    .prepare("SELECT place, instance_id, state_dir FROM instances ORDER BY place")
    .all()
    .map((row) => ({
      index: integerOf(row, "place"),
      instanceId: textOf(row, "instance_id"),
      stateDir: textOf(row, "state_dir"),
    }));
}

function withRegistry<T>(file: string, work: (database: DatabaseSync) => T): T {
  try {
    mkdirSync(dirname(file), { recursive: true, mode: 0o755 });
    // SQLite would make it readable by all.
    closeSync(openSync(file, "a", 0o600));
    const database = new DatabaseSync(file, { timeout: BUSY_MS });
    try {
      database.exec("BEGIN IMMEDIATE");
      database.exec(SCHEMA);
      const result = work(database);
      database.exec("COMMIT");
      return result;
    } finally {
      // Rolls back what was not committed.
      database.close();
    }
  } catch (error) {
    if (error instanceof CannotStart || !(error instanceof Error)) throw error;
    const hint = sqliteTrouble(error) === "busy" ? "another daemon holds it, try again" : "mend or remove it";
    throw new CannotStart(`Cannot use the registry of daemons "${file}": ${error.message}, ${hint}`, {
      cause: error,
    });
  }
}
