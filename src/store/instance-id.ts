import { readFileSync } from "node:fs";
import { join } from "node:path";
import { writeFileAtomicSync } from "../lib/atomic-file.ts";
import { CannotStart } from "../lib/cannot-start.ts";

/** What an instance id is: part of every name that a daemon takes on the host. */
const INSTANCE_ID = /^[0-9a-f]{6}$/;

const FILE_NAME = "instance";

export interface InstanceIdOptions {
  readonly stateDir: string;
  /** Makes a new id of six digits, 0-9a-f. */
  readonly makeId: () => string;
}

/**
 * The id of the daemon that has this state directory, made at its first start. Called with the store open, whose
 * lock keeps a second daemon away.
 * Errors: CannotStart where the file holds something else, since what stands on the host has the old name.
 */
export function ensureInstanceId({ stateDir, makeId }: InstanceIdOptions): string {
  const file = instanceFile(stateDir);
  const known = readInstanceId(stateDir);
  if (known === null) {
    const id = makeId();
    writeFileAtomicSync(file, `${id}\n`, { mode: 0o600 });
    return id;
  }
  if (INSTANCE_ID.test(known)) return known;
  throw new CannotStart(
    `Cannot read the instance id in "${file}": it is no id of six digits 0-9a-f, restore the file`,
  );
}

/** What the state directory says, unjudged; null where it says nothing. */
export function readInstanceId(stateDir: string): string | null {
  try {
    return readFileSync(instanceFile(stateDir), "utf8").trim();
  } catch (error) {
    const code = error instanceof Error && "code" in error ? error.code : null;
    if (code === "ENOENT" || code === "ENOTDIR") return null;
    throw error;
  }
}

function instanceFile(stateDir: string): string {
  return join(stateDir, FILE_NAME);
}
