import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { runCommand, tryCommand } from "../../src/lib/run-command.ts";
import { EXAMPLES, packDirectory } from "../host/archive.ts";
import { ask, runProc, untilLine } from "../host/proc-calls.ts";
import { pidsOfProc } from "../host/processes.ts";
import { until } from "../until.ts";
import { cgroupOf, client, deleteAll, readCgroup, SHARKU, traces, untilReady } from "./machine.ts";

/** Below system.slice, not in the root of all cgroups, as a service of a distribution is. */
const UNIT = "sharku";
const properties = ["-p", "KillMode=process", "-p", "Delegate=yes", "-E", "SHARKU_LOG_LEVEL=warn"];

test("a daemon that systemd starts and stops", async (context) => {
  await runCommand(["systemd-run", `--unit=${UNIT}`, ...properties, SHARKU, "serve"]);
  await untilUnitReady();
  const { digest } = await client.pushImage(new Blob([await packDirectory(join(EXAMPLES, "weather"))]));
  const web = await runProc(client, { image: digest, process: "web" });
  const worker = await runProc(client, { image: digest, process: "worker", limits: { memoryBytes: 1e8 } });

  await context.test("its procs have cgroups and limits of their own, beside the unit's", async () => {
    const { stdout } = await runCommand(["systemctl", "show", "-P", "MainPID", UNIT]);
    assert.match(
      await readFile(`/proc/${stdout.trim()}/cgroup`, "utf8"),
      /^0::\/system\.slice\/sharku\.service/,
    );
    const dir = await cgroupOf(worker.id);
    assert.match(dir, /^\/sys\/fs\/cgroup\/sharku-[0-9a-f]+\/[^/]+$/);
    assert.equal(await readCgroup(dir, "memory.max"), String(Math.floor(1e8 / 4096) * 4096));
  });

  await context.test("they run on when it is stopped, and are found when it starts", async () => {
    const before = await Promise.all([web, worker].map(({ id }) => pidsOfProc(id)));
    await runCommand(["systemctl", "stop", UNIT]);
    await assert.rejects(client.ready());
    assert.match(await ask(web, "/healthz"), /ok/);
    // The supervisors in its cgroup have kept the transient unit from being forgotten.
    await runCommand(["systemctl", "start", UNIT]);
    await untilUnitReady();
    assert.deepEqual(await Promise.all([web, worker].map(({ id }) => pidsOfProc(id))), before);
    for (const { id } of [web, worker]) assert.equal((await client.getProc(id)).state, "running");
    await untilLine(client, worker.id, /^measurement 3\b/);
  });

  await context.test("deleted, and the unit stopped, nothing of it is left", async () => {
    await deleteAll();
    await runCommand(["systemctl", "stop", UNIT]);
    assert.deepEqual(await traces(), []);
    await until("the unit is gone", async () => {
      const { stdout } = await tryCommand(["systemctl", "show", "-P", "ActiveState", UNIT]);
      return stdout.trim() === "inactive";
    });
  });
});

/** What the unit has said goes with the failure: nobody sees its journal afterwards. */
async function untilUnitReady(): Promise<void> {
  await untilReady().catch(async (cause: unknown) => {
    const { stdout } = await runCommand(["journalctl", "--no-pager", "--lines=40", `--unit=${UNIT}`]);
    throw new Error(`${cause}; the journal of the unit says\n${stdout}`);
  });
}
