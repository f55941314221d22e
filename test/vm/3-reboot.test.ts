import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { test } from "node:test";
import { linesOf, runProc, untilExited, untilLine, untilRunning } from "../host/proc-calls.ts";
import { until } from "../until.ts";
import { client, deleteAll, endDaemon, startDaemon, traces } from "./machine.ts";

/**
 * A reboot that nobody has announced, as when the power fails. This file runs twice: what it leaves running the
 * first time goes down with the machine, and inside.sh runs it again when the machine is up.
 */

const REBOOT_WANTED = "/var/lib/sharku-vm-reboot";
const ID = "over-the-reboot";
const LAST_WORDS = /^no end in sight$/;

async function runUntilTheReboot(): Promise<void> {
  await startDaemon();
  const command = ["sh", "-c", "echo no end in sight; exec sleep 100000"];
  await client.putProc(ID, { app: "steady", name: "one", command });
  await untilRunning(client, ID);
  await untilLine(client, ID, LAST_WORDS);
  const { id } = await runProc(client, { app: "brief", command: ["true"] });
  await untilExited(client, id);
  await writeFile(REBOOT_WANTED, "");
}

async function lookAfterTheReboot(): Promise<void> {
  const daemon = await startDaemon();
  const { state, exit } = await untilExited(client, ID);
  assert.deepEqual([state, exit?.reason, exit?.code, exit?.signal], ["fail", "host-reboot", null, null]);
  const ends = await Array.fromAsync(client.allProcs());
  assert.deepEqual(ends.map(({ app, exit: end }) => [app, end?.reason]).sort(), [
    ["brief", "completed"],
    ["steady", "host-reboot"],
  ]);
  await until("nothing of their runs is left", async () => !(await traces()).some(isOfRuns));
  // The log was not synced, so its last lines may have gone with the power; the call answers.
  assert.ok((await linesOf(client, ID)).every((line) => LAST_WORDS.test(line)));

  const { id, port } = await runProc(client, { command: "echo port $PORT" });
  await untilLine(client, id, new RegExp(`^port ${port}$`));
  await deleteAll();
  assert.equal(await endDaemon(daemon, "SIGTERM"), 0);
  assert.deepEqual(await traces(), []);
}

/** The bridge, the table and the cgroups are the daemon's for as long as it lives; logs stay with the records. */
function isOfRuns(trace: string): boolean {
  return trace.startsWith("/") && !trace.startsWith("/var/lib/sharku/logs/");
}

if (process.env["SHARKU_VM_REBOOTED"] === undefined)
  test("procs run, and the machine reboots without a word", runUntilTheReboot);
else test("after the reboot each has ended as it has, and new ones run", lookAfterTheReboot);
