import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, open, readFile } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import { makeFetch } from "../src/cli/socket-fetch.ts";
import { SharkuClient, SharkuError } from "../src/client/client.ts";
import { pause } from "../src/lib/clock.ts";
import { readInstanceId } from "../src/store/instance-id.ts";
import { defaultRegistryFile, releaseInstance } from "../src/store/registry.ts";

const PROGRAM = join(import.meta.dirname, "../bin/sharku");
const READY_MS_MAX = 30_000;
const POLL_MS = 10;
const GONE_MS_MAX = 30_000;
const LOG_LINES = 15;

/** Not the default, so that a daemon in use and its procs are left alone. */
const PORT_RANGE = "23000-23499";

/** A daemon of the benchmark's own, on directories of its own. */
export interface OwnDaemon extends AsyncDisposable {
  /** Over the unix socket, each call on a connection of its own: as peers are called too. */
  readonly client: SharkuClient;
  readonly runDir: string;
  readonly socketPath: string;
  /** Deletes a proc at once and waits until nothing is left of it. */
  remove(id: string): Promise<void>;
}

/** Starts `sharku serve` below `dir`. Disposing deletes its procs, ends it, and gives back its place on the host. */
export async function startOwnDaemon(dir: string, signal: AbortSignal): Promise<OwnDaemon> {
  const [stateDir, runDir] = [join(dir, "state"), join(dir, "run")];
  for (const made of [stateDir, runDir]) await mkdir(made, { mode: 0o711 });
  const logFile = join(dir, "daemon.log");
  const child = await spawnDaemon({ stateDir, runDir, logFile });
  const socketPath = join(runDir, "sharku.sock");
  const client = new SharkuClient({ baseUrl: "http://localhost", fetch: makeFetch({ socketPath }) });
  const remove = (id: string) => removeProc(client, id);
  const dispose = async () => {
    if (isAlive(child)) {
      for await (const { id } of client.allProcs()) await remove(id);
      const ended = once(child, "exit");
      child.kill("SIGTERM");
      await ended;
    }
    giveBackPlace(stateDir);
  };
  try {
    await untilReady({ client, child, logFile, signal });
    return { client, runDir, socketPath, remove, [Symbol.asyncDispose]: dispose };
  } catch (error) {
    await dispose().catch(() => child.kill("SIGKILL"));
    throw error;
  }
}

async function spawnDaemon(at: { stateDir: string; runDir: string; logFile: string }): Promise<ChildProcess> {
  const log = await open(at.logFile, "w", 0o600);
  const listen = `127.0.0.1:${await freePort()}`;
  const args = ["serve", "--state-dir", at.stateDir, "--run-dir", at.runDir, "--listen", listen];
  // A session of its own: a Ctrl-C in the terminal is for us, who then end it in order.
  const child = spawn(PROGRAM, [...args, "--port-range", PORT_RANGE], {
    detached: true,
    stdio: ["ignore", log.fd, log.fd],
  });
  await Promise.all([once(child, "spawn"), log.close()]);
  return child;
}

async function untilReady(look: {
  client: SharkuClient;
  child: ChildProcess;
  logFile: string;
  signal: AbortSignal;
}): Promise<void> {
  const deadline = performance.now() + READY_MS_MAX;
  while (performance.now() < deadline && isAlive(look.child)) {
    look.signal.throwIfAborted();
    const health = await look.client.ready().catch(() => null);
    if (health?.status === "ok") return;
    await pause(POLL_MS);
  }
  const words = (await readFile(look.logFile, "utf8")).trimEnd().split("\n").slice(-LOG_LINES).join("\n");
  throw new Error(`Cannot start the daemon: it does not get ready, its last words:\n${words}`);
}

async function removeProc(client: SharkuClient, id: string): Promise<void> {
  const deadline = performance.now() + GONE_MS_MAX;
  try {
    await client.deleteProc(id, { graceMs: 0 });
    while (performance.now() < deadline) {
      await client.getProc(id);
      await pause(POLL_MS);
    }
  } catch (error) {
    if (error instanceof SharkuError && error.code === "proc-not-found") return;
    throw error;
  }
  throw new Error(`Cannot delete proc "${id}": it is still there after ${GONE_MS_MAX / 1000} s`);
}

/** The state directory is about to go, so nobody else would give its place in the registry back. */
function giveBackPlace(stateDir: string): void {
  const instanceId = readInstanceId(stateDir);
  if (instanceId !== null) releaseInstance({ registryFile: defaultRegistryFile(process.env), instanceId });
}

function isAlive(child: ChildProcess): boolean {
  return child.exitCode === null && child.signalCode === null;
}

/** A port that nobody listens on just now. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  return typeof address === "object" && address !== null ? address.port : 0;
}
