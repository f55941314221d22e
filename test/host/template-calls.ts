import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { lstat, readdir } from "node:fs/promises";
import { join } from "node:path";
import type { SharkuClient } from "../../src/client/client.ts";
import { SharkuError } from "../../src/contract/errors.ts";
import { until } from "../until.ts";
import type { TestDaemon } from "./harness.ts";
import { isGone, linesOf, untilExited } from "./proc-calls.ts";

/** What host tests ask of templates again and again. */

const APP_OF_TEMPLATE = { app: "test", name: "one" };

export async function outputOn(client: SharkuClient, template: string, command: string): Promise<string[]> {
  const { id } = await client.createProc({ ...APP_OF_TEMPLATE, template, command });
  const { exit } = await untilExited(client, id);
  const lines = await linesOf(client, id);
  assert.equal(exit?.code, 0, `${exit?.message}: ${lines.join("; ")}`);
  await client.deleteProc(id);
  await until("it is gone", () => isGone(client, id));
  return lines;
}

export async function refusal(building: Promise<unknown>): Promise<SharkuError> {
  const error = await building.then(
    () => assert.fail("it was built"),
    (fault: unknown) => fault,
  );
  assert.ok(error instanceof SharkuError, String(error));
  return error;
}

/** Everything of a tree but when it was last looked at. */
export async function hashTree(dir: string): Promise<string> {
  const hash = createHash("sha256");
  const waiting = [dir];
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    const stats = await lstat(next);
    const { mode, uid, gid, size, mtimeMs, ctimeMs } = stats;
    hash.update(JSON.stringify([next, mode, uid, gid, size, mtimeMs, ctimeMs]));
    const children = stats.isDirectory() ? await readdir(next) : [];
    waiting.push(...children.sort().map((name) => join(String(next), name)));
  }
  return hash.digest("hex");
}

export function versionsDir({ places }: TestDaemon, name: string): string {
  return join(places.stateDir, "templates", name);
}
