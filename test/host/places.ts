import { randomInt } from "node:crypto";
import { chmod, mkdir, mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { basename, join } from "node:path";
import { runCommand } from "../../src/lib/run-command.ts";
import { signal } from "./processes.ts";

/** Where a daemon under test lives: nothing of it is shared with another, so that many can run on one host. */
export interface Places {
  readonly stateDir: string;
  readonly runDir: string;
  readonly socket: string;
  readonly firstPort: number;
  readonly lastPort: number;
  readonly listenPort: number;
}

/** Below 32768, where the kernel takes ports for outgoing connections, and beside the default range. */
const BLOCKS_FROM = 22_000;
const BLOCKS_TO = 32_000;
const BLOCK_PORTS = 100;
const BLOCK_TRIES_MAX = 100;

/** Not below /tmp: that is a tmpfs on many hosts. The names tell whose test it is. */
const STATE_DIRS = "/var/lib";
const RUN_DIRS = "/run";
const NAME = /^sharku-test-(\d+)-\w+$/;

export async function makePlaces(): Promise<Places> {
  const stateDir = await mkdtemp(join(STATE_DIRS, `sharku-test-${process.pid}-`));
  const runDir = join(RUN_DIRS, basename(stateDir));
  await mkdir(runDir);
  for (const dir of [stateDir, runDir]) await chmod(dir, 0o711);
  const firstPort = await freeBlock();
  return {
    ...{ stateDir, runDir, socket: `${runDir}/sharku.sock`, firstPort },
    lastPort: firstPort + BLOCK_PORTS - 2,
    listenPort: firstPort + BLOCK_PORTS - 1,
  };
}

/** The places of tests whose process is gone: somebody has killed it. */
export async function abandonedPlaces(): Promise<Pick<Places, "stateDir" | "runDir">[]> {
  const names = (await readdir(STATE_DIRS)).filter((name) => {
    const pid = NAME.exec(name)?.[1];
    return pid !== undefined && !signal(Number(pid), 0);
  });
  return names.map((name) => ({ stateDir: join(STATE_DIRS, name), runDir: join(RUN_DIRS, name) }));
}

export async function removePlaces({ stateDir, runDir }: Pick<Places, "stateDir" | "runDir">): Promise<void> {
  for (const dir of [stateDir, runDir]) await rm(dir, { recursive: true, force: true });
}

/** Ports of 127.0.0.1 or of every address that somebody listens on, sorted. */
export async function listeningPorts(): Promise<number[]> {
  const tables = await Promise.all(["tcp", "tcp6"].map((name) => readFile(`/proc/net/${name}`, "utf8")));
  const lines = tables.flatMap((table) => table.split("\n").slice(1));
  const ports = lines.flatMap((line) => {
    const [, local = "", , state] = line.trim().split(/\s+/);
    return state === "0A" ? [Number.parseInt(local.split(":").at(-1) ?? "", 16)] : [];
  });
  return [...new Set(ports)].sort((a, b) => a - b);
}

/** A block of ports that nobody listens on and no daemon publishes on. */
async function freeBlock(): Promise<number> {
  const { stdout: ruleset } = await runCommand(["nft", "list", "ruleset"]);
  const published = [...ruleset.matchAll(/127\.0\.0\.1 \. (\d+) :/g)].map(([, port]) => Number(port));
  const taken = [...published, ...(await listeningPorts())];
  for (let tries = 0; tries < BLOCK_TRIES_MAX; tries += 1) {
    const first = BLOCKS_FROM + BLOCK_PORTS * randomInt((BLOCKS_TO - BLOCKS_FROM) / BLOCK_PORTS);
    if (!taken.some((port) => port >= first && port < first + BLOCK_PORTS)) return first;
  }
  throw new Error(`Cannot find ${BLOCK_PORTS} free ports in a row from ${BLOCKS_FROM} to ${BLOCKS_TO}`);
}
