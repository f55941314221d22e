import { readdir, readFile, rmdir } from "node:fs/promises";
import { join } from "node:path";
import { runCommand, tryCommand } from "../../src/lib/run-command.ts";
import { until } from "../until.ts";
import { abandonedPlaces, type Places, removePlaces } from "./places.ts";
import { pidsWhere, readProc, signal } from "./processes.ts";

type Dirs = Pick<Places, "stateDir" | "runDir">;

/** Clears away what tests have left that were killed in the middle. */
export async function sweepAbandoned(): Promise<void> {
  for (const places of await abandonedPlaces()) {
    await sweepByHand(places);
    await removePlaces(places);
  }
}

/** Clears away what a daemon holds of the host where the daemon itself cannot: only ever after a failed test. */
export async function sweepByHand(places: Dirs): Promise<void> {
  const instance = (await readFile(join(places.stateDir, "instance"), "utf8").catch(() => "")).trim();
  if (instance === "") return;
  await until("every process is gone", async () => {
    const pids = await processesOf(places, instance);
    for (const pid of pids) signal(pid, "SIGKILL");
    return pids.length === 0;
  });
  const { stdout } = await runCommand([
    "find",
    "/sys/fs/cgroup",
    "-depth",
    "-type",
    "d",
    "-path",
    `*/sharku-${instance}*`,
  ]);
  for (const dir of stdout.split("\n").filter(Boolean)) await rmdir(dir).catch(() => undefined);
  for (const name of await readdir("/sys/class/net"))
    if (name.startsWith(`shk${instance}`)) await tryCommand(["ip", "link", "delete", name]);
  await tryCommand(["nft", "delete", "table", "ip", `sharku_${instance}`]);
}

async function processesOf({ stateDir, runDir }: Dirs, instance: string): Promise<number[]> {
  return await pidsWhere(async (pid) => {
    if (pid === process.pid) return false;
    const line = await readProc(pid, "cmdline");
    const cgroup = await readProc(pid, "cgroup");
    return line.includes(stateDir) || line.includes(runDir) || cgroup.includes(`/sharku-${instance}`);
  });
}
