import { constants } from "node:fs";
import { access, readFile, realpath, stat, statfs } from "node:fs/promises";
import { release } from "node:os";
import { dirname, resolve } from "node:path";
import { findIn, findProgram, pathDirs } from "../lib/find-program.ts";
import { tryCommand } from "../lib/run-command.ts";
import { needsVersion } from "./checks/tools.ts";
import {
  type HostFacts,
  type InterpreterFacts,
  type NetworkFacts,
  type PackageManager,
  type PlaceFacts,
  packageManagers,
  type ToolFacts,
  type ToolName,
  toolNames,
} from "./facts.ts";
import { gatherCgroups } from "./gather-cgroups.ts";

export interface GatherOptions {
  readonly stateDir?: string;
  readonly portRange?: readonly [first: number, last: number];
}

const PROGRAM_TIMEOUT_MS = 10_000;
/** Where a proc of the built-in template looks for programs; /bin is a link into /usr. */
const TEMPLATE_DIRS = ["/usr/local/bin", "/usr/bin"];

/** Reads everything at once. Nothing here judges, nothing here throws because something is missing. */
export async function gatherFacts(options: GatherOptions = {}): Promise<HostFacts> {
  const uid = process.getuid?.() ?? -1;
  const [
    tools,
    cgroups,
    network,
    diskTrial,
    stateDir,
    usr,
    interpreters,
    manager,
    filesystems,
    userMax,
    actions,
  ] = await Promise.all([
    gatherTools(),
    gatherCgroups(),
    gatherNetwork({ isRoot: uid === 0, portRange: options.portRange ?? [10_000, 19_999] }),
    uid === 0 ? tryDisk() : null,
    gatherPlace(resolve(options.stateDir ?? "/var/lib/sharku")),
    filesystemOf("/usr"),
    Promise.all((["node", "python3"] as const).map(gatherInterpreter)),
    findPackageManager(),
    gatherFilesystems(),
    readOrNull("/proc/sys/user/max_user_namespaces"),
    readOrNull("/proc/sys/kernel/seccomp/actions_avail"),
  ]);
  return {
    uid,
    nodeVersion: process.versions.node,
    kernel: release(),
    packageManager: manager,
    tools,
    cgroups,
    ...filesystems,
    userNamespacesMax: userMax === null ? null : Number(userMax),
    seccompActions: actions,
    network,
    diskTrial,
    stateDir,
    usr: { filesystem: usr },
    interpreters,
  };
}

async function gatherFilesystems(): Promise<Pick<HostFacts, "filesystems" | "overlayLoads">> {
  const [list, overlayLoads] = await Promise.all([readOrNull("/proc/filesystems"), loadsByItself("overlay")]);
  return { filesystems: (list ?? "").split("\n").map((line) => line.split("\t")[1] ?? ""), overlayLoads };
}

/** Whether the kernel has this module to load, and a program that loads modules at its call. */
async function loadsByItself(module: string): Promise<boolean> {
  const [list, loader, disabled] = await Promise.all([
    readOrNull(`/lib/modules/${release()}/modules.dep`),
    readOrNull("/proc/sys/kernel/modprobe"),
    readOrNull("/proc/sys/kernel/modules_disabled"),
  ]);
  // modules.dep(5): a line begins with the module's path, its suffix telling how it is packed.
  const isListed = new RegExp(`/${module}\\.ko(\\.\\w+)?:`).test(list ?? "");
  return isListed && Boolean(loader) && disabled !== "1" && (await isThere(String(loader), constants.X_OK));
}

async function gatherTools(): Promise<Record<ToolName, ToolFacts | null>> {
  const seen = await Promise.all(toolNames.map(async (tool) => [tool, await gatherTool(tool)] as const));
  // One entry for each name of the list, by construction.
  return Object.fromEntries(seen) as Record<ToolName, ToolFacts | null>;
}

async function gatherTool(tool: ToolName): Promise<ToolFacts | null> {
  const path = await findProgram(tool);
  if (path === null) return null;
  if (!needsVersion(tool)) return { path, version: "" };
  const { stdout } = await ask([path, "--version"]);
  return { path, version: stdout.split("\n")[0] ?? "" };
}

async function gatherNetwork(on: {
  isRoot: boolean;
  portRange: readonly [number, number];
}): Promise<NetworkFacts> {
  const [nft, linkTrial, forward, ephemeral, reserved] = await Promise.all([
    on.isRoot ? trial("nft", ["-j", "list", "chains"]) : null,
    on.isRoot ? tryLinks() : null,
    readOrNull("/proc/sys/net/ipv4/ip_forward"),
    readOrNull("/proc/sys/net/ipv4/ip_local_port_range"),
    readOrNull("/proc/sys/net/ipv4/ip_local_reserved_ports"),
  ]);
  const [first = 32_768, last = 60_999] = (ephemeral ?? "").split(/\s+/).filter(Boolean).map(Number);
  return {
    nft,
    linkTrial,
    ipForward: forward === "1",
    ephemeralPorts: [first, last],
    reservedPorts: reserved ?? "",
    portRange: on.portRange,
  };
}

/** In a network namespace that is gone, with both links, when the command ends. */
async function tryLinks(): Promise<NetworkFacts["linkTrial"]> {
  const ip = await findProgram("ip");
  if (ip === null) return null;
  const script = '"$0" link add sharku0 type bridge && "$0" link add sharku1 type veth peer name sharku2';
  return await trial("unshare", ["-n", "sh", "-c", script, ip]);
}

/** On a filesystem that is gone, with the image and its loop device, when the command ends. */
async function tryDisk(): Promise<HostFacts["diskTrial"]> {
  const mke2fs = await findProgram("mke2fs");
  if (mke2fs === null) return null;
  const script = [
    "set -e; mount -t tmpfs tmpfs /run; cd /run; mkdir at; truncate -s 1M image",
    '"$0" -q -F -t ext4 image; mount -t ext4 -o loop image at',
  ].join("; ");
  return await trial("unshare", ["--mount", "sh", "-c", script, mke2fs]);
}

async function trial(program: string, args: readonly string[]): Promise<NetworkFacts["nft"]> {
  const path = await findProgram(program);
  if (path === null) return null;
  const { code, stdout, stderr } = await ask([path, ...args]);
  return { works: code === 0, output: code === 0 ? stdout : (stderr.trim().split("\n")[0] ?? "") };
}

async function gatherPlace(path: string): Promise<PlaceFacts> {
  const parents: { path: string; mode: number }[] = [];
  // Every path leads up to the root, where it ends.
  for (let at = dirname(path); ; at = dirname(at)) {
    const seen = await stat(at).catch(() => null);
    if (seen) parents.unshift({ path: at, mode: seen.mode & 0o7777 });
    if (at === dirname(at)) break;
  }
  const nearest = (await isThere(path)) ? path : (parents.at(-1)?.path ?? "/");
  const disk = await statfs(nearest);
  return { path, parents, filesystem: await filesystemOf(nearest), freeBytes: disk.bavail * disk.bsize };
}

/** statfs(2)'s numbers for the filesystems that hosts have below /usr and /var; ext2 to ext4 share one driver. */
const filesystemNames: Readonly<Record<number, string>> = {
  [0xef53]: "ext4",
  [0x58465342]: "xfs",
  [0x9123683e]: "btrfs",
  [0x01021994]: "tmpfs",
  [0xf2f52010]: "f2fs",
  [0xe0f5e1e2]: "erofs",
  [0x73717368]: "squashfs",
  [0x4d44]: "vfat",
  [0x794c7630]: "overlay",
  [0x2fc12fc1]: "zfs",
  [0x6969]: "nfs",
  [0x01021997]: "9p",
};

async function filesystemOf(path: string): Promise<string> {
  const { type } = await statfs(path);
  // The kernel's word is a signed long on some machines.
  const number = type >>> 0;
  return filesystemNames[number] ?? `a filesystem of type 0x${number.toString(16)}`;
}

async function gatherInterpreter(name: InterpreterFacts["name"]): Promise<InterpreterFacts> {
  const inTemplate = await findIn(TEMPLATE_DIRS, name);
  const target = inTemplate && (await realpath(inTemplate));
  // The pinned Node of a clone is not what a user would call the host's.
  const dirs = pathDirs().filter((dir) => !dir.endsWith("node_modules/.bin"));
  const onPath = await findIn(dirs, name);
  return {
    name,
    inTemplate: target?.startsWith("/usr/") ? inTemplate : null,
    onPath: onPath && (await realpath(onPath)),
  };
}

export async function findPackageManager(): Promise<PackageManager | null> {
  const paths = await Promise.all(packageManagers.map(findProgram));
  return packageManagers.find((_, index) => paths[index] !== null) ?? null;
}

async function isThere(path: string, mode: number = constants.F_OK): Promise<boolean> {
  return await access(path, mode).then(
    () => true,
    () => false,
  );
}

async function readOrNull(path: string): Promise<string | null> {
  return await readFile(path, "utf8").then(
    (text) => text.trim(),
    () => null,
  );
}

async function ask(
  argv: readonly string[],
): Promise<{ code: number | null; stdout: string; stderr: string }> {
  return await tryCommand(argv, { timeoutMs: PROGRAM_TIMEOUT_MS }).catch((error: unknown) => ({
    code: null,
    stdout: "",
    stderr: String(error),
  }));
}
