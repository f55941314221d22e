import { first } from "./0001-first.ts";
import { runtimeAndAppBytes } from "./0002-runtime-and-app-bytes.ts";
import { program } from "./0003-program.ts";
import { stoppingWhy } from "./0004-stopping-why.ts";
import { restart } from "./0005-restart.ts";
import { health } from "./0006-health.ts";
import { callbackLog } from "./0007-callback-log.ts";
import { stopTarget } from "./0008-stop-target.ts";

/** A step from one version of the database to the next. What has been released is never changed again. */
export interface Migration {
  readonly name: string;
  readonly sql: string;
}

/** In order; `PRAGMA user_version` tells how many of them a database has. */
export const migrations: readonly Migration[] = [
  first,
  runtimeAndAppBytes,
  program,
  stoppingWhy,
  restart,
  health,
  callbackLog,
  stopTarget,
];
