import { spawn } from "node:child_process";
import { once } from "node:events";
import { constants } from "node:fs";
import { access, readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { runCommand, tryCommand } from "../../src/lib/run-command.ts";

/** How the machine is run: by the processor's virtualization where that works, else by emulation. */
export interface Accelerator {
  readonly name: string;
  readonly options: readonly string[];
  /** How many times longer than here a test may wait. */
  readonly slowness: number;
  /** The most that one file of tests may take. */
  readonly fileSeconds: number;
}

const kvm: Accelerator = {
  name: "KVM",
  options: ["-accel", "kvm", "-cpu", "host", "-smp", "2"],
  slowness: 2,
  fileSeconds: 300,
};

/** On one thread: with one for each processor, as fast, QEMU 7.2 let Node crash at its start now and then. */
const emulation: Accelerator = {
  name: "emulation, some thirty times slower than this machine",
  options: ["-accel", "tcg,thread=single", "-cpu", "max", "-smp", "2"],
  slowness: 10,
  fileSeconds: 1200,
};

const KVM_TRIAL_MS_MAX = 20_000;
const BOOT_MS_MAX = 4 * 60_000;
/** For what a file's own limit takes to be enforced and told. */
const SLACK_MS = 60_000;
const TAIL_LINES = 40;
/** Each costs a boot. */
const POWER_CUTS_MAX = 4;
export const MEMORY_MIB = 2048;

export interface Disks {
  /** The directory with the base image, its kernel and its initrd. */
  readonly image: string;
  readonly project: string;
  /** Where the words of the kernel and of systemd go. */
  readonly consoleLog: string;
}

/** How a file of tests has ended. */
export interface Outcome {
  readonly file: string;
  readonly code: number;
  readonly seconds: number;
}

/** Tries it: within another machine /dev/kvm may be there, and hang. A kernel without a root panics and is done. */
export async function findAccelerator(image: string): Promise<Accelerator> {
  const mayUse = await access("/dev/kvm", constants.R_OK | constants.W_OK).then(
    () => true,
    () => false,
  );
  if (!mayUse) return emulation;
  const argv = [
    ...["timeout", "--signal=KILL", String(KVM_TRIAL_MS_MAX / 1000), "qemu-system-x86_64", ...kvm.options],
    ...[
      "-m",
      "256",
      "-display",
      "none",
      "-monitor",
      "none",
      "-no-reboot",
      "-nic",
      "none",
      "-serial",
      "stdio",
    ],
    ...["-kernel", join(image, "vmlinuz"), "-append", "console=ttyS0 panic=-1"],
  ];
  const { code, stdout } = await tryCommand(argv);
  return code === 0 && stdout.includes("Kernel panic") ? kvm : emulation;
}

export interface MachineRun {
  readonly accelerator: Accelerator;
  /** Which of the lists of files is its own, and how many files are on it. */
  readonly number: number;
  readonly files: number;
  readonly show: (line: string) => void;
}

/**
 * Shows what the machine tells until it turns itself off, and answers with what has come out. Where it says that it
 * wants the power cut, it is killed and booted again, on the same disks. It is ended when it has not said in time
 * that it is up, or that the next file is done; then its console's last lines are shown.
 */
export async function runMachine(disks: Disks, run: MachineRun): Promise<Outcome[]> {
  const outcomes: Outcome[] = [];
  const { accelerator, number, show } = run;
  const argv = ["-n", "19", "qemu-system-x86_64", ...accelerator.options, ...(await machine(disks, number))];
  for (let boots = 0; boots <= POWER_CUTS_MAX; boots += 1) {
    const ending = await bootOnce(argv, { ...run, outcomes });
    if (ending === "power cut") continue;
    if (ending === "whole") return outcomes;
    break;
  }
  const words = (await readFile(disks.consoleLog, "utf8")).trimEnd().split("\n").slice(-TAIL_LINES);
  show("vm: it ended, or was ended, before its end; its console's last words:");
  for (const line of words) show(line);
  return outcomes;
}

type Ending = "whole" | "power cut" | "early";

async function bootOnce(
  argv: readonly string[],
  { accelerator, files, show, outcomes }: MachineRun & { outcomes: Outcome[] },
): Promise<Ending> {
  const child = spawn("nice", argv, { stdio: ["ignore", "pipe", "inherit"] });
  const ended = once(child, "close");
  // What the machine has not flushed goes with it: its own caches, and of a new cluster the place, which QEMU keeps.
  const kill = () => child.kill("SIGKILL");
  const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
  for (const signal of signals) process.once(signal, kill);
  let timer = setTimeout(kill, BOOT_MS_MAX);
  let ending: Ending = "early";
  for await (const line of createInterface({ input: child.stdout })) {
    show(line);
    if (!line.startsWith("vm: ")) continue;
    const outcome = parseOutcome(line);
    if (outcome !== null) outcomes.push(outcome);
    if (line.trim() === "vm: end") ending = "whole";
    if (line.trim().endsWith(" wants the power cut")) {
      ending = "power cut";
      kill();
    }
    clearTimeout(timer);
    timer = setTimeout(kill, outcomes.length < files ? accelerator.fileSeconds * 1000 + SLACK_MS : SLACK_MS);
  }
  await ended;
  clearTimeout(timer);
  for (const signal of signals) process.off(signal, kill);
  return ending;
}

function parseOutcome(line: string): Outcome | null {
  const [, file, code, seconds] = /^vm: (\S+\.test\.ts): (\d+) after (\d+) s\s*$/.exec(line) ?? [];
  return file === undefined ? null : { file, code: Number(code), seconds: Number(seconds) };
}

/** The second serial port is the tests' own; the first is the kernel's and systemd's. No network at all. */
async function machine({ image, project, consoleLog }: Disks, number: number): Promise<string[]> {
  const overlays = dirname(consoleLog);
  const root = await makeOverlay(join(image, "root.img"), join(overlays, `root-${number}.qcow2`));
  const own = await makeOverlay(project, join(overlays, `project-${number}.qcow2`));
  return [
    ...["-m", String(MEMORY_MIB), "-display", "none", "-monitor", "none", "-nic", "none"],
    ...["-kernel", join(image, "vmlinuz"), "-initrd", join(image, "initrd.img")],
    ...[
      "-append",
      `root=/dev/vda rw console=ttyS0 loglevel=4 systemd.show_status=1 sharku.machine=${number}`,
    ],
    ...[root, own].flatMap((file) => ["-drive", `file=${file},if=virtio,format=qcow2,cache=writeback`]),
    ...["-serial", `file:${consoleLog},append=on`, "-serial", "stdio"],
  ];
}

/**
 * What the machine writes, so that the disk beneath stays as it is. In this format, and with this cache, a kill is as
 * honest as a power cut: what the machine has flushed is in the file, and what it has written to new places without a
 * flush is mostly not to be found again. `snapshot=on` would lose all, and a raw file nothing.
 */
async function makeOverlay(disk: string, overlay: string): Promise<string> {
  await runCommand(["qemu-img", "create", "-q", "-f", "qcow2", "-F", "raw", "-b", disk, overlay]);
  return overlay;
}
