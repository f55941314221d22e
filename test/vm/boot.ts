import { spawn } from "node:child_process";
import { once } from "node:events";
import { constants } from "node:fs";
import { access, mkdir, mkdtemp, rm } from "node:fs/promises";
import { join } from "node:path";
import { arch } from "node:process";
import { createInterface } from "node:readline";
import { runCommand } from "../../src/lib/run-command.ts";

/**
 * Runs the checks beside this file on a stock machine: Debian 12 with systemd and nothing but cgroup v2, in QEMU.
 * Needs root, for the packages and for the owners of the files on the disk. What it builds stays in the cache.
 */

const ROOT = join(import.meta.dirname, "../..");
const CACHE = "/var/tmp/sharku-vm-cache";
const RUN_MS_MAX = 9 * 60_000;
/** For packages, image and disk each. */
const BUILD_MS_MAX = 5 * 60_000;

/** Programs and the packages that bring them. */
const tools: Readonly<Record<string, string>> = {
  "/usr/bin/qemu-system-x86_64": "qemu-system-x86",
  "/usr/bin/mmdebstrap": "mmdebstrap",
  "/usr/sbin/mkfs.ext4": "e2fsprogs",
};

/** Tools of development that no check uses; without them the disk is made in two seconds. */
const leftOut = [".git", "dist", ...["typescript", "@typescript", "@biomejs", "@types"].map(inModules)];

async function main(): Promise<number> {
  if (arch !== "x64") throw new Error(`Cannot run the test machine on "${arch}": it is made for x64`);
  await installTools();
  const build = ["nice", "-n", "19", "sh", join(import.meta.dirname, "build-image.sh")];
  const { stdout } = await runCommand(build, { timeoutMs: BUILD_MS_MAX });
  await mkdir(CACHE, { recursive: true });
  const workDir = await mkdtemp(join(CACHE, "run-"));
  try {
    return await boot({ image: stdout.trim(), project: await makeProjectDisk(workDir) });
  } finally {
    await rm(workDir, { recursive: true });
  }
}

async function installTools(): Promise<void> {
  const missing: string[] = [];
  for (const [program, name] of Object.entries(tools)) {
    await access(program, constants.X_OK).catch(() => missing.push(name));
  }
  if (missing.length === 0) return;
  console.log(`vm: installing ${missing.join(", ")}`);
  const apt = ["env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-q", "-y"];
  const limit = { timeoutMs: BUILD_MS_MAX };
  await runCommand([...apt, "update"], limit);
  await runCommand([...apt, "install", "--no-install-recommends", ...missing], limit);
}

/** The project as it lies here, committed or not, as a disk of its own: the base image stays as it is. */
async function makeProjectDisk(workDir: string): Promise<string> {
  const [tree, disk] = [join(workDir, "project"), join(workDir, "project.img")];
  await mkdir(tree);
  const excludes = leftOut.map((path) => `--exclude=./${path}`).join(" ");
  const copy = `tar -c ${excludes} -C "$0" . | tar -x -C "$1" && truncate -s 1G "$2" && mkfs.ext4 -q -d "$1" "$2"`;
  await runCommand(["nice", "-n", "19", "sh", "-c", copy, ROOT, tree, disk], { timeoutMs: BUILD_MS_MAX });
  return disk;
}

/** Shows what the machine tells until it turns itself off. Answers with the exit code. */
async function boot({ image, project }: { image: string; project: string }): Promise<number> {
  const child = spawn("nice", ["-n", "19", "qemu-system-x86_64", ...machine({ image, project })], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const timer = setTimeout(() => child.kill("SIGKILL"), RUN_MS_MAX);
  const ended = once(child, "close");
  const counts: Record<string, number> = {};
  for await (const line of createInterface({ input: child.stdout })) {
    console.log(line);
    const [, word, count] = /^ℹ (pass|fail|cancelled) (\d+)$/.exec(line.trim()) ?? [];
    if (word !== undefined) counts[word] = Number(count);
  }
  await ended;
  clearTimeout(timer);
  if (counts["pass"] === undefined) {
    console.log(`vm: it ended, or was ended after ${RUN_MS_MAX / 60_000} min, without a result`);
    console.log(`vm: its console's words are in ${consoleLog}`);
  }
  const failed = (counts["fail"] ?? 1) + (counts["cancelled"] ?? 0);
  console.log(`${counts["pass"] ?? 0} passed, ${failed} failed`);
  return failed === 0 ? 0 : 1;
}

const consoleLog = join(CACHE, "console.log");

/** The second serial port is the checks' own; the first is the kernel's and systemd's. No network at all. */
function machine({ image, project }: { image: string; project: string }): string[] {
  return [
    // Never by the processor's virtualization: within another machine it may be there and hang. On one thread:
    // with one for each processor, as fast, QEMU 7.2 let Node crash at its start now and then.
    ...["-accel", "tcg,thread=single", "-cpu", "max", "-smp", "2", "-m", "2048"],
    ...["-display", "none", "-monitor", "none", "-no-reboot", "-nic", "none"],
    ...["-kernel", join(image, "vmlinuz"), "-initrd", join(image, "initrd.img")],
    ...["-append", "root=/dev/vda rw console=ttyS0 quiet"],
    ...["-drive", `file=${join(image, "root.img")},if=virtio,format=raw,snapshot=on`],
    ...["-drive", `file=${project},if=virtio,format=raw,readonly=on`],
    ...["-serial", `file:${consoleLog}`, "-serial", "stdio"],
  ];
}

function inModules(name: string): string {
  return `node_modules/${name}`;
}

process.exitCode = await main();
