import { constants } from "node:fs";
import { access, glob, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { availableParallelism, freemem } from "node:os";
import { join } from "node:path";
import { arch } from "node:process";
import { runCommand } from "../../src/lib/run-command.ts";
import { type Choice, chooseFiles } from "./choice.ts";
import { findAccelerator, MEMORY_MIB, type Outcome, runMachine } from "./qemu.ts";

/**
 * Runs the host's tests, and those beside this file, on a stock machine: Debian 12 with systemd and nothing but
 * cgroup v2, in QEMU. Without words: a choice of them; `--all`; or names, as `limits`. Needs root, for the packages
 * and for the owners of the files on the disk. What it builds stays in the cache. Where there are two processors, two
 * machines share the files, since each is emulated on one.
 */

const ROOT = join(import.meta.dirname, "../..");
const CACHE = "/var/tmp/sharku-vm-cache";
/** For packages, image and disk each. */
const BUILD_MS_MAX = 5 * 60_000;
const MACHINES_MAX = 2;

/** Programs and the packages that bring them. */
const tools: Readonly<Record<string, string>> = {
  "/usr/bin/qemu-system-x86_64": "qemu-system-x86",
  "/usr/bin/qemu-img": "qemu-utils",
  "/usr/bin/mmdebstrap": "mmdebstrap",
  "/usr/sbin/mkfs.ext4": "e2fsprogs",
};

/** Tools of development that no test uses there; without them the disk is made in two seconds. */
const leftOut = [".git", "dist", ...["typescript", "@typescript", "@biomejs", "@types"].map(inModules)];

async function main(words: readonly string[]): Promise<number> {
  if (arch !== "x64") throw new Error(`Cannot run the test machine on "${arch}": it is made for x64`);
  const choice = await choose(words);
  await installTools();
  const build = ["nice", "-n", "19", "sh", join(import.meta.dirname, "build-image.sh")];
  const { stdout } = await runCommand(build, { timeoutMs: BUILD_MS_MAX });
  const image = stdout.trim();
  await mkdir(CACHE, { recursive: true });
  const workDir = await mkdtemp(join(CACHE, "run-"));
  try {
    const accelerator = await findAccelerator(image);
    const shares = share(choice.files);
    console.log(`vm: ${choice.files.length} files of tests, on ${shares.length} x ${accelerator.name}`);
    const lists = shares.map((files) =>
      files.map((file) => `${accelerator.slowness} ${accelerator.fileSeconds} ${file}\n`).join(""),
    );
    const project = await makeProjectDisk(workDir, lists);
    const runs = shares.map((files, number) =>
      runMachine(
        { image, project, consoleLog: join(workDir, `console-${number}.log`) },
        { accelerator, number, files: files.length, show: (line) => console.log(`${number}| ${line}`) },
      ),
    );
    return tell(choice, (await Promise.all(runs)).flat());
  } finally {
    await rm(workDir, { recursive: true });
  }
}

async function choose(words: readonly string[]): Promise<Choice> {
  const files = await Array.fromAsync(glob("test/{vm,host}/*.test.ts", { cwd: ROOT }));
  return chooseFiles(words, files.sort());
}

/** For each machine its files, taken in turns. */
function share(files: readonly string[]): string[][] {
  const room = Math.floor(freemem() / 2 ** 20 / MEMORY_MIB) - 1;
  const machines = Math.max(1, Math.min(MACHINES_MAX, availableParallelism(), room, files.length));
  return Array.from({ length: machines }, (_, number) =>
    files.filter((_file, index) => index % machines === number),
  );
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
async function makeProjectDisk(workDir: string, lists: readonly string[]): Promise<string> {
  const [tree, disk] = [join(workDir, "project"), join(workDir, "project.img")];
  await mkdir(tree);
  for (const [number, list] of lists.entries()) await writeFile(join(tree, `.vm-files-${number}`), list);
  const excludes = leftOut.map((path) => `--exclude=./${path}`).join(" ");
  const copy = `tar -c ${excludes} -C "$0" . | tar -x -C "$1" && truncate -s 1G "$2" && mkfs.ext4 -q -d "$1" "$2"`;
  await runCommand(["nice", "-n", "19", "sh", "-c", copy, ROOT, tree, disk], { timeoutMs: BUILD_MS_MAX });
  await rm(tree, { recursive: true });
  return disk;
}

/** Sums up, and answers with the exit code: a file that has not told its end has failed. */
function tell(choice: Choice, outcomes: readonly Outcome[]): number {
  const lines = choice.files.map((file) => {
    const outcome = outcomes.find((one) => one.file === file);
    if (outcome === undefined) return `did not end     ${file}`;
    const word = outcome.code === 0 ? "passed" : outcome.code === 124 ? "took too long" : "failed";
    return `${word.padEnd(14)}${String(outcome.seconds).padStart(4)} s  ${file}`;
  });
  for (const { file, lacks } of choice.leftOut) lines.push(`left out, for it needs ${lacks}: ${file}`);
  console.log(lines.map((line) => `vm: ${line}`).join("\n"));
  const passed = outcomes.filter(({ code }) => code === 0).length;
  console.log(`vm: ${passed} of ${choice.files.length} files passed, ${choice.leftOut.length} left out`);
  return passed === choice.files.length ? 0 : 1;
}

function inModules(name: string): string {
  return `node_modules/${name}`;
}

process.exitCode = await main(process.argv.slice(2)).catch((error: unknown) => {
  console.error(`vm: ${error instanceof Error ? error.message : String(error)}`);
  return 1;
});
