import type { Server } from "node:http";
import type { FastifyBaseLogger } from "fastify";
import { pino } from "pino";
import { digestToken } from "../api/guard.ts";
import type { ApiNeeds } from "../api/needs.ts";
import { buildApi } from "../api/server.ts";
import { hasUserNamespaces } from "../isolation/host-facts.ts";
import { CannotStart } from "../lib/cannot-start.ts";
import { systemClock } from "../lib/clock.ts";
import { randomHex } from "../lib/random.ts";
import { networkNames } from "../network/names.ts";
import { subnetIsTaken } from "../network/subnet.ts";
import { ensureInstanceId } from "../store/instance-id.ts";
import { claimInstance, defaultRegistryFile } from "../store/registry.ts";
import { openStore } from "../store/store.ts";
import { loadAdminToken } from "./admin-token.ts";
import { type DaemonConfig, parseConfig, serveHelp } from "./config.ts";
import { assertOurs, makeDirectories } from "./directories.ts";
import { listenOnAddress, listenOnSocket } from "./listen.ts";
import { wire } from "./wire.ts";

/**
 * Room daemon: builds the rooms, joins them, and lives as long as `sharku serve` does. Nobody imports it.
 *
 * INVARIANTS
 * - Whatever ends the daemon, its procs run on, and the next start finds them.
 * - It answers before it has found everything; /readyz tells when it has.
 */

/** How long calls under way may take when the daemon ends, in milliseconds. */
const CLOSE_CALLS_MS = 500;

/** Signals that come within this are one wish, in milliseconds. */
const SAME_WISH_MS = 1_000;

/** EX_CONFIG of sysexits.h: it cannot start, and trying again alone will not help. */
const EXIT_CANNOT_START = 78;

/** Runs the daemon until a signal ends it. Returns the exit code. */
export async function main(argv: readonly string[]): Promise<number> {
  try {
    const config = parseConfig(argv, process.env);
    if (config === "help") {
      process.stdout.write(serveHelp);
      return 0;
    }
    return await serve(config);
  } catch (error) {
    if (!(error instanceof CannotStart)) throw error;
    process.stderr.write(`sharku: ${error.message}\n`);
    return EXIT_CANNOT_START;
  }
}

async function serve(config: DaemonConfig): Promise<number> {
  if (process.getuid?.() !== 0)
    throw new CannotStart("Cannot start: sharku serve needs root, call it by sudo");
  if (!config.insecureNoUserns && !(await hasUserNamespaces()))
    throw new CannotStart(
      "Cannot start: this host has no user namespaces for procs, see sharku doctor; --insecure-no-userns runs them without",
    );
  // Directories are made with the modes they need; a stricter mask of the caller's would close them to procs.
  process.umask(0o022);
  const stop = stopSignal();
  const log = pino({ level: process.env["SHARKU_LOG_LEVEL"] ?? "info" }, pino.destination(2));
  await using undo = new AsyncDisposableStack();

  await makeDirectories([config.stateDir, config.runDir]);
  await assertOurs(config.stateDir);
  const store = await openStore({ stateDir: config.stateDir });
  undo.defer(() => store.close());

  const life: { health: "starting" | "ok" | "stopping" } = { health: "starting" };
  const instance = await claim(config);
  const wired = await wire({ config, store, instance, log, health: () => life.health });
  undo.defer(() => wired.close());

  const servers = await listen(config, { api: wired.api, log });
  undo.defer(() => closeServers(servers));

  await wired.open();
  life.health = "ok";
  log.info({ socket: config.socket, listen: config.listen, instance: instance.id }, "ready");
  const end = await Promise.race([stop, store.died]);
  life.health = "stopping";
  if (end instanceof Error) throw end;
  log.info({ signal: end }, "ending; the procs run on");
  return 0;
}

async function listen(
  config: DaemonConfig,
  { api: needs, log }: { api: ApiNeeds; log: FastifyBaseLogger },
): Promise<Server[]> {
  const token = await loadAdminToken(config.stateDir);
  const guard = {
    tokenDigest: digestToken(token),
    hostNames: [config.listen.host, `[${config.listen.host}]`],
    gilliamNames: [config.name.toLowerCase()],
  };
  const api = await buildApi(needs, { guard, log });
  const [socketServer, networkServer] = [api.serverFor("socket"), api.serverFor("network")];
  const servers = [socketServer];
  try {
    await listenOnSocket(socketServer, config.socket);
    for (const [server, address] of [
      [networkServer, config.listen],
      [api.serverFor("gilliam"), config.gilliam],
    ] as const) {
      if (address === null) continue;
      await listenOnAddress(server, address);
      servers.push(server);
    }
  } catch (error) {
    await closeServers(servers);
    throw error;
  }
  return servers;
}

/** Takes no more calls, gives those under way a moment, then cuts them off. */
async function closeServers(servers: readonly Server[]): Promise<void> {
  const closed = servers.map((server) => new Promise<void>((resolve) => server.close(() => resolve())));
  const timer = setTimeout(() => {
    for (const server of servers) server.closeAllConnections();
  }, CLOSE_CALLS_MS);
  await Promise.all(closed);
  clearTimeout(timer);
}

async function claim({ stateDir }: DaemonConfig) {
  const id = ensureInstanceId({ stateDir, makeId: () => randomHex(6) });
  const ours = networkNames(id).bridge;
  const index = claimInstance({
    registryFile: defaultRegistryFile(process.env),
    instanceId: id,
    stateDir,
    isTaken: (candidate: number) => subnetIsTaken(candidate, { ours }),
  });
  return { id, index };
}

/**
 * The first signal that asks the daemon to end. A later one of the kind ends it at once; those that come together,
 * as when one goes to the process and another to its group, are one wish.
 */
function stopSignal(): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    for (const signal of ["SIGTERM", "SIGINT"] as const) {
      let beganMs: number | null = null;
      process.on(signal, () => {
        beganMs ??= systemClock.elapsedMs();
        if (systemClock.elapsedMs() - beganMs > SAME_WISH_MS) process.exit(1);
        resolve(signal);
      });
    }
    // A terminal that goes away is no wish to end.
    process.on("SIGHUP", () => undefined);
  });
}
