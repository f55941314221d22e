import assert from "node:assert/strict";
import { lstat, readdir, readFile, readlink } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { runCommand, tryCommand } from "../../src/lib/run-command.ts";
import { stretched } from "../until.ts";
import { listeningPorts, type Places } from "./places.ts";
import { pidsWhere, readProc } from "./processes.ts";

/**
 * What a daemon and its procs hold of the host, kind by kind. What belongs to others that live on this host is
 * left out, by its name or its place, so that it may come and go meanwhile; except the firewall, of which
 * everything counts that is no daemon's own table.
 */
export type Ledger = Readonly<Record<string, readonly string[]>>;

const SAME_MS_MAX = stretched(10_000);
const POLL_MS = stretched(50);
const OWNER_MS_MAX = stretched(3_000);

/** One whose last process has just ended goes within moments; one that stays is a loss. */
const NOBODYS_DISK = "a disk that nobody holds";

/** The ids of all daemons' containers. */
const ID_BASE = 0x20000000;
const IDS_END = ID_BASE + 32 * 16384;

export async function takeLedger(places: Places): Promise<Ledger> {
  const deadline = performance.now() + SAME_MS_MAX;
  let all = await takeAll(places);
  while (all["disks"]?.includes(NOBODYS_DISK) && performance.now() < deadline) {
    await sleep(POLL_MS);
    all = await takeAll(places);
  }
  const ours = Object.entries(all).map(([kind, lines]) => [kind, lines.filter((line) => !isOfTrial(line))]);
  return Object.fromEntries(ours);
}

/** A daemon that has just started tries its runtimes by containers of this name, for some seconds. */
function isOfTrial(line: string): boolean {
  return /\btrial-[0-9a-z]{16}\b/.test(line);
}

async function takeAll(places: Places): Promise<Ledger> {
  const instance = (await readFile(join(places.stateDir, "instance"), "utf8").catch(() => "")).trim();
  const pids = await ourPids(places, instance);
  return {
    mounts: await mounts(places),
    cgroups: instance === "" ? [] : await cgroups(`sharku-${instance}`),
    interfaces: instance === "" ? [] : await interfaces(`shk${instance}`),
    processes: (await Promise.all(pids.map(async (pid) => `${pid} ${await commandOf(pid)}`))).filter(
      // One that has gone since it was found.
      (line) => !line.endsWith(" "),
    ),
    networkNamespaces: await networkNamespaces(pids),
    ports: await ports(places),
    firewall: await firewall(instance),
    disks: await disksOfRuns(places),
    files: await files([places.stateDir, places.runDir]),
    nullDevice: [await ownerAndMode("/dev/null"), await ownerAndMode("/dev/zero")],
  };
}

/** Fails where the host does not come to be as it was; says what is more and what is less. */
export async function assertSame(before: Ledger, places: Places): Promise<void> {
  await assertBecomes(before, () => takeLedger(places));
}

/** The open files of a process, by what they are; sockets and pipes by their number only. */
export async function takeFdLedger(pid: number): Promise<Ledger> {
  const dir = `/proc/${pid}/fd`;
  const links = await Promise.all((await readdir(dir)).map((fd) => readlink(join(dir, fd)).catch(() => "")));
  const kinds = links.filter((link) => link !== "").map((link) => link.replace(/:\[\d+\]$/, ""));
  return { fds: kinds.sort() };
}

export async function assertSameFds(before: Ledger, pid: number): Promise<void> {
  await assertBecomes(before, () => takeFdLedger(pid));
}

async function assertBecomes(before: Ledger, take: () => Promise<Ledger>): Promise<void> {
  const deadline = performance.now() + SAME_MS_MAX;
  let different = differences(before, await take());
  while (different.length > 0 && performance.now() < deadline) {
    await sleep(POLL_MS);
    different = differences(before, await take());
  }
  assert.deepEqual(different, [], "the host is not as it was before");
}

function differences(before: Ledger, after: Ledger): string[] {
  return Object.keys({ ...before, ...after }).flatMap((kind) => {
    const [old, now] = [before[kind] ?? [], after[kind] ?? []];
    const added = withoutEach(now, old).map((line) => `${kind}: more: ${line}`);
    return [...added, ...withoutEach(old, now).map((line) => `${kind}: less: ${line}`)];
  });
}

/** Lines may come several times, and then each counts. */
function withoutEach(lines: readonly string[], others: readonly string[]): string[] {
  const left = [...others];
  return lines.filter((line) => {
    const at = left.indexOf(line);
    if (at >= 0) left.splice(at, 1);
    return at < 0;
  });
}

async function mounts({ stateDir, runDir }: Places): Promise<string[]> {
  const lines = (await readFile("/proc/self/mountinfo", "utf8")).split("\n");
  return lines.filter((line) => line.includes(stateDir) || line.includes(runDir));
}

async function cgroups(parent: string): Promise<string[]> {
  // One that goes while find walks is no fault.
  const { stdout } = await tryCommand(["find", "/sys/fs/cgroup", "-type", "d", "-path", `*/${parent}*`]);
  return stdout.split("\n").filter(Boolean).sort();
}

async function interfaces(prefix: string): Promise<string[]> {
  return (await readdir("/sys/class/net")).filter((name) => name.startsWith(prefix)).sort();
}

/** Processes that name our directories, are in our cgroups, or run under ids that only procs have and name us. */
async function ourPids({ stateDir, runDir }: Places, instance: string): Promise<number[]> {
  return await pidsWhere(async (pid) => {
    if (pid === process.pid) return false;
    const line = await readProc(pid, "cmdline");
    // One that is about to be gone has no words any more, and those of a trial go by themselves.
    if (line === "" || isDiskHolder(line) || isOfTrial(await readProc(pid, "cgroup"))) return false;
    if (line.includes(stateDir) || line.includes(runDir)) return true;
    if (instance !== "" && (await readProc(pid, "cgroup")).includes(`sharku-${instance}`)) return true;
    return isAdrift(await readProc(pid, "status"), await readProc(pid, "cgroup"));
  });
}

/** Whether it runs under the id of an app, but in no daemon's cgroup: nobody would ever end it. */
function isAdrift(status: string, cgroup: string): boolean {
  const uid = Number(/^Uid:\t(\d+)/m.exec(status)?.[1] ?? 0);
  return uid >= ID_BASE && uid < IDS_END && !cgroup.includes("/sharku-") && !/^State:\tZ/m.test(status);
}

async function commandOf(pid: number): Promise<string> {
  return (await readProc(pid, "cmdline")).replaceAll("\0", " ").trim();
}

async function networkNamespaces(pids: readonly number[]): Promise<string[]> {
  const own = await readlink("/proc/self/ns/net");
  const all = await Promise.all(pids.map((pid) => readlink(`/proc/${pid}/ns/net`).catch(() => own)));
  return [...new Set(all)].filter((namespace) => namespace !== own).sort();
}

async function ports({ firstPort, listenPort }: Places): Promise<string[]> {
  const taken = await listeningPorts();
  return taken.filter((port) => port >= firstPort && port <= listenPort).map(String);
}

/**
 * The disks that no holder keeps ready for a run to come and no trial has: loop devices of images whose name is gone,
 * by number only. One that is still being made has its name.
 */
async function disksOfRuns({ stateDir }: Places): Promise<string[]> {
  // In this order: what a holder's child was seen to have, its holder is seen to have.
  const ofRuns = await mountsSeenBy(await pidsWhere(async (pid) => !(await isOfSpareOrTrial(pid))));
  const elsewhere = await mountsSeenBy(await pidsWhere(isOfSpareOrTrial));
  const devices = await Promise.all(
    (await readdir("/sys/block")).map(async (name) => {
      const image = await readFile(`/sys/block/${name}/loop/backing_file`, "utf8").catch(() => "");
      const isOurs = image.startsWith(`${stateDir}/`) && image.trimEnd().endsWith(" (deleted)");
      if (!isOurs || elsewhere.includes(` /dev/${name} `)) return [];
      return [ofRuns.includes(` /dev/${name} `) ? "a disk of a run" : NOBODYS_DISK];
    }),
  );
  return devices.flat();
}

async function isOfSpareOrTrial(pid: number): Promise<boolean> {
  const line = await readProc(pid, "cmdline");
  return isDiskHolder(line) || isOfTrial(line) || isOfTrial(await readProc(pid, "cgroup"));
}

async function mountsSeenBy(pids: readonly number[]): Promise<string> {
  return (await Promise.all(pids.map((pid) => readProc(pid, "mountinfo")))).join("\n");
}

/** The shell that keeps a disk ready; they come and go as runs take theirs. */
function isDiskHolder(commandLine: string): boolean {
  return commandLine.includes("\0app-disk\0");
}

/** The ruleset without counters, and without the tables of other daemons. */
async function firewall(instance: string): Promise<string[]> {
  const { stdout } = await runCommand(["nft", "--stateless", "list", "ruleset"]);
  const tables = stdout.split(/^(?=table )/m).filter((table) => table.trim() !== "");
  return tables.filter((table) => !/^table ip sharku_/.test(table) || isTableOf(table, instance));
}

function isTableOf(table: string, instance: string): boolean {
  return instance !== "" && table.startsWith(`table ip sharku_${instance} `);
}

/**
 * What lies there, without what is in it; not SQLite's own files, which come and go with the connection,
 * nor disks in the making, nor when an image was used.
 */
async function files(dirs: readonly string[]): Promise<string[]> {
  // By find, since Node's recursive readdir follows links.
  const { stdout } = await tryCommand(["find", ...dirs, "-printf", "%y %m %U %p\\n"]);
  const lines = stdout.split("\n").filter(Boolean);
  const passing =
    /\.db-(wal|shm|journal)$|\/sizes(\/\w+\.json(\.new)?)?$|\/disks\/(image|master)-|\/images\/[0-9a-f]{64}\/used$/;
  return lines.filter((line) => !passing.test(line)).sort();
}

/** While a container is made, of any daemon on this host, it can be another's for a moment. */
async function ownerAndMode(path: string): Promise<string> {
  const deadline = performance.now() + OWNER_MS_MAX;
  let { uid, gid, mode } = await lstat(path);
  while (uid !== 0 && performance.now() < deadline) {
    await sleep(POLL_MS);
    ({ uid, gid, mode } = await lstat(path));
  }
  return `${path} ${uid}:${gid} ${(mode & 0o7777).toString(8)}`;
}
