import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { makeFetch } from "../../src/cli/socket-fetch.ts";
import { SharkuClient } from "../../src/client/client.ts";
import { runCommand } from "../../src/lib/run-command.ts";
import { isGone } from "../host/proc-calls.ts";
import { pidsOfProc, pidsWhere, readProc } from "../host/processes.ts";
import { until } from "../until.ts";

/** The test machine, which is all ours: a daemon in its usual places, and nothing of ours before or after. */

export const SHARKU = join(import.meta.dirname, "../../bin/sharku");
export const CGROUPS = "/sys/fs/cgroup";
const SOCKET = "/run/sharku/sharku.sock";

export const client = new SharkuClient({
  baseUrl: "http://localhost",
  fetch: makeFetch({ socketPath: SOCKET }),
});

/** Starts it as a child; the procs must not need that it lives. */
export async function startDaemon(): Promise<ChildProcess> {
  const child = spawn(SHARKU, ["serve"], {
    stdio: ["ignore", "inherit", "inherit"],
    env: { ...process.env, SHARKU_LOG_LEVEL: "warn" },
  });
  await untilReady().catch(async (cause: unknown) => {
    const { stdout } = await runCommand(["ps", "-e", "-L", "-o", "pid,tid,stat,time,wchan:24,args"]);
    throw new Error(
      `${cause}; it ended with ${child.exitCode ?? child.signalCode}, and there runs\n${stdout}`,
    );
  });
  return child;
}

export async function untilReady(): Promise<void> {
  await until("the daemon is ready", async () => {
    const health = await client.ready().catch(() => null);
    return health?.status === "ok";
  });
}

/** Ends it, and answers with its exit code. */
export async function endDaemon(child: ChildProcess, signal: NodeJS.Signals): Promise<number | null> {
  const ended = once(child, "close");
  child.kill(signal);
  const [code] = await ended;
  return code;
}

export async function deleteAll(): Promise<void> {
  const procs = await Array.fromAsync(client.allProcs());
  await Promise.all(procs.map(({ id }) => client.deleteProc(id, { graceMs: 0 })));
  for (const { id } of procs) await until(`${id} is gone`, () => isGone(client, id));
}

/** The directory of a running proc's cgroup. */
export async function cgroupOf(procId: string): Promise<string> {
  const [pid = 0] = await pidsOfProc(procId);
  return join(CGROUPS, (await readProc(pid, "cgroup")).trim().replace("0::", ""));
}

export async function readCgroup(dir: string, name: string): Promise<string> {
  return (await readFile(join(dir, name), "utf8")).trim();
}

/** Everything that Sharku has on the machine and that can be seen by name; files of state apart. */
export async function traces(): Promise<string[]> {
  const { stdout: tables } = await runCommand(["nft", "list", "tables"]);
  const mounts = (await readFile("/proc/self/mountinfo", "utf8")).split("\n");
  const pids = await pidsWhere(async (pid) => /conmon|crun|\/run\/init/.test(await readProc(pid, "cmdline")));
  return [
    ...(await readdir(CGROUPS)).filter((name) => name.startsWith("sharku-")),
    ...(await readdir("/sys/class/net")).filter((name) => name.startsWith("shk")),
    ...tables.split("\n").filter((table) => table.includes("sharku")),
    ...mounts.filter((mount) => mount.includes("sharku")),
    ...(await Promise.all(pids.map(async (pid) => `${pid} ${await readProc(pid, "cmdline")}`))),
    ...(await filesOf("/var/lib/sharku", ["scratch", "exits", "logs"])),
    ...(await filesOf("/run/sharku", ["bundles", "runtime"])),
  ];
}

async function filesOf(parent: string, names: readonly string[]): Promise<string[]> {
  const found = await Promise.all(
    names.map(async (name) => {
      const inside = await readdir(join(parent, name)).catch(() => []);
      return inside.map((file) => join(parent, name, file));
    }),
  );
  // What begins with a dot is the runtime's own.
  return found.flat().filter((path) => !path.includes("/."));
}
