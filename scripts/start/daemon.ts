import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, open, readdir, readFile } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

const DEFAULT_PORT = 7420;
const READY_MS_MAX = 30_000;
const END_MS_MAX = 20_000;
const POLL_MS = 50;
const LOG_LINES = 15;

export interface Daemon extends AsyncDisposable {
  readonly baseUrl: string;
  readonly token: string;
  /** Rejects when it ends without having been asked. */
  readonly ended: Promise<never>;
  isAlive(): boolean;
}

interface DaemonOptions {
  readonly stateDir: string;
  readonly runDir: string;
  readonly portRange: string;
  readonly signal: AbortSignal;
}

/** Starts `sharku serve` and waits until it takes procs; one that a killed start left behind is ended first. */
export async function startDaemon({ stateDir, runDir, portRange, signal }: DaemonOptions): Promise<Daemon> {
  for (const pid of await daemonsOn(stateDir)) await endProcess(pid);
  await mkdir(stateDir, { recursive: true, mode: 0o711 });
  const listen = `127.0.0.1:${await freePort()}`;
  const logFile = join(stateDir, "daemon.log");
  console.log(`start: starting the daemon, its log is ${logFile}`);
  const log = await open(logFile, "w", 0o600);
  const args = ["serve", "--state-dir", stateDir, "--run-dir", runDir];
  // In a session of its own: a Ctrl-C in the terminal is for us, who then end it in order.
  const child = spawn(
    join(import.meta.dirname, "../../bin/sharku"),
    [...args, "--listen", listen, "--port-range", portRange],
    { detached: true, stdio: ["ignore", log.fd, log.fd] },
  );
  await log.close();
  const ended = once(child, "exit").then(async ([code, by]) => {
    const words = (await readFile(logFile, "utf8")).trimEnd().split("\n").slice(-LOG_LINES).join("\n");
    throw new Error(
      `Cannot keep the daemon: it ended by ${by ?? `exit code ${code}`}, its last words:\n${words}`,
    );
  });
  ended.catch(() => undefined);
  const isAlive = () => child.pid !== undefined && child.exitCode === null && child.signalCode === null;
  const end = async () => {
    if (child.pid !== undefined && isAlive()) await endProcess(child.pid);
  };
  try {
    const baseUrl = `http://${listen}`;
    await Promise.race([ended, untilReady(baseUrl, signal)]);
    const token = (await readFile(join(stateDir, "admin.token"), "utf8")).trim();
    return { baseUrl, token, ended, isAlive, [Symbol.asyncDispose]: end };
  } catch (error) {
    await end();
    throw error;
  }
}

async function untilReady(baseUrl: string, signal: AbortSignal): Promise<void> {
  const deadline = performance.now() + READY_MS_MAX;
  while (performance.now() < deadline) {
    const answer = await fetch(`${baseUrl}/readyz`, { signal }).catch(() => null);
    await answer?.body?.cancel();
    if (answer?.ok) return;
    await sleep(POLL_MS, undefined, { signal });
  }
  throw new Error(`Cannot reach "${baseUrl}": the daemon was not ready after ${READY_MS_MAX / 1000} s`);
}

/** By their command line: a pid kept in a file may since be somebody else's. */
async function daemonsOn(stateDir: string): Promise<number[]> {
  const pids = (await readdir("/proc")).filter((name) => /^\d+$/.test(name));
  const found = await Promise.all(
    pids.map(async (pid) => {
      const line = await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "");
      const argv = line.split("\0");
      const isDaemon = argv.some((word) => /\/sharku\.(ts|js)$/.test(word)) && argv.includes("serve");
      return isDaemon && argv[argv.indexOf("--state-dir") + 1] === stateDir ? [Number(pid)] : [];
    }),
  );
  return found.flat();
}

async function endProcess(pid: number): Promise<void> {
  const deadline = performance.now() + END_MS_MAX;
  send(pid, "SIGTERM");
  while (send(pid, 0)) {
    if (performance.now() > deadline) send(pid, "SIGKILL");
    await sleep(POLL_MS);
  }
}

/** False where there is no such process. */
function send(pid: number, signal: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(pid, signal);
  } catch {
    return false;
  }
}

async function freePort(): Promise<number> {
  return (await tryPort(DEFAULT_PORT)) ?? (await tryPort(0)) ?? DEFAULT_PORT;
}

async function tryPort(wanted: number): Promise<number | null> {
  const server = createServer();
  const bound = new Promise<number | null>((resolve) => {
    server.on("error", () => resolve(null));
    server.listen(wanted, "127.0.0.1", () => {
      const address = server.address();
      resolve(address !== null && typeof address === "object" ? address.port : null);
    });
  });
  const port = await bound;
  server.close();
  return port;
}
