import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { runCommand } from "../../src/lib/run-command.ts";
import { assertWhole } from "../host/numbered-archives.ts";
import { linesOf, runProc, untilExited, untilLine, untilRunning } from "../host/proc-calls.ts";
import { until } from "../until.ts";
import { client, deleteAll, SHARKU, traces, untilReady } from "./machine.ts";
import { ANSWERED, answeredSoFar } from "./push-on.ts";

/**
 * The power fails while procs run and images come in. This file runs twice: what it leaves running the first time
 * goes down with the machine, and inside.sh runs it again when the machine is up.
 */

const POWER_CUT_WANTED = join(import.meta.dirname, "../../.vm-power-cut");
const ID = "over-the-reboot";
const LAST_WORDS = /^no end in sight$/;
const UNIT = "/etc/systemd/system/sharku.service";
const STATE_DIR = "/var/lib/sharku";
const ANSWERS_MIN = 3;
/** Of those that were being sent when the power failed, so many may be there too. */
const MORE = 20;

/** It tries again until the disk is mounted that the project is on. */
const unit = `[Service]
ExecStart=${SHARKU} serve
Environment=SHARKU_LOG_LEVEL=warn
KillMode=process
Delegate=yes
Restart=always
RestartSec=2
[Unit]
StartLimitIntervalSec=0
[Install]
WantedBy=multi-user.target
`;

async function runUntilThePowerFails(): Promise<void> {
  await writeFile(UNIT, unit);
  await runCommand(["systemctl", "enable", "--now", "sharku"]);
  await untilReady();
  // Other files of tests have left theirs.
  for await (const { digest } of client.allImages()) await client.deleteImage(digest);
  const command = ["sh", "-c", "echo no end in sight; exec sleep 100000"];
  await client.putProc(ID, { app: "steady", name: "one", command });
  await untilRunning(client, ID);
  await untilLine(client, ID, LAST_WORDS);
  const { id } = await runProc(client, { app: "brief", command: ["true"] });
  await untilExited(client, id);
  // What comes now only the daemon syncs.
  await runCommand(["sync"]);
  const sender = join(import.meta.dirname, "push-on.ts");
  spawn(process.execPath, [sender], { detached: true, stdio: "ignore" }).unref();
  await until("images were taken in", async () => (await answeredSoFar()).length >= ANSWERS_MIN);
  await writeFile(POWER_CUT_WANTED, "");
}

async function lookAfterThePowerFailed(): Promise<void> {
  await untilReady();
  const answered = await answeredSoFar();
  assert.ok(answered.length >= ANSWERS_MIN);
  const images = await Array.fromAsync(client.allImages());
  await assertWhole(STATE_DIR, { images, answered, count: answered.length + MORE });
  console.log(`${answered.length} images were answered, ${images.length} are there`);

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
  for (const { digest } of images) await client.deleteImage(digest);
  await runCommand(["systemctl", "disable", "--now", "sharku"]);
  assert.deepEqual(await traces(), []);
  await Promise.all([UNIT, ANSWERED].map((path) => rm(path)));
}

/** The bridge, the table and the cgroups are the daemon's for as long as it lives; logs stay with the records. */
function isOfRuns(trace: string): boolean {
  return trace.startsWith("/") && !trace.startsWith("/var/lib/sharku/logs/");
}

if (process.env["SHARKU_VM_POWER_WAS_CUT"] === undefined)
  test("procs run and images come in, and the power fails", runUntilThePowerFails);
else
  test(
    "when the power is back each has ended as it has, images are whole, and new procs run",
    lookAfterThePowerFailed,
  );
