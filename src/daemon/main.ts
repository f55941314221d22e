import { pino } from "pino";
import { digestToken } from "../api/guard.ts";
import { buildApi } from "../api/server.ts";
import { CannotStart } from "../lib/cannot-start.ts";
import { networkNames } from "../network/names.ts";
import { subnetIsTaken } from "../network/subnet.ts";
import { claimInstance, loadInstanceId } from "../store/registry.ts";
import { openStore } from "../store/store.ts";
import { loadAdminToken } from "./admin-token.ts";
import { type DaemonConfig, parseConfig, serveHelp } from "./config.ts";
import { makeDirectories } from "./directories.ts";
import { listenOnAddress, listenOnSocket } from "./listen.ts";
import { type Wired, wire } from "./wire.ts";

/**
 * Room daemon: builds the rooms, joins them, and lives as long as `sharku serve` does. Nobody imports it.
 *
 * INVARIANTS
 * - Whatever ends the daemon, its procs run on, and the next start finds them.
 * - It answers before it has found everything; /readyz tells when it has.
 */

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
  // Directories are made with the modes they need; a stricter mask of the caller's would close them to procs.
  process.umask(0o022);
  const log = pino(
    { level: process.env["SHARKU_LOG_LEVEL"] ?? "info" },
    pino.destination({ dest: 2, sync: false }),
  );
  const stop = stopSignal();
  await makeDirectories([config.stateDir, config.runDir]);
  const store = await openStore({ stateDir: config.stateDir });
  const token = await loadAdminToken(config.stateDir);
  const instance = await claim(config);
  const life: { health: "starting" | "ok" | "stopping" } = { health: "starting" };
  const wired = await wire({ config, store, instance, log, health: () => life.health });
  const guard = { tokenDigest: digestToken(token), hostNames: [config.listen.host] };
  const api = await buildApi(wired.api, { guard, log });
  const servers = [api.serverFor("socket"), api.serverFor("network")] as const;
  await listenOnSocket(servers[0], config.socket);
  await listenOnAddress(servers[1], config.listen);
  await wired.open();
  life.health = "ok";
  log.info({ socket: config.socket, listen: config.listen, instance: instance.id }, "ready");

  const died = store.died.then((error) => error);
  const end = await Promise.race([stop, died]);
  life.health = "stopping";
  if (end instanceof Error) throw end;
  log.info({ signal: end }, "ending; the procs run on");
  for (const server of servers) server.close();
  await closeRooms(wired, store);
  for (const server of servers) server.closeAllConnections();
  await api.close();
  return 0;
}

async function closeRooms(wired: Wired, store: { close(): Promise<void> }): Promise<void> {
  await wired.close();
  await store.close();
}

async function claim({ stateDir }: DaemonConfig) {
  const id = await loadInstanceId(stateDir);
  const ours = networkNames(id).bridge;
  const index = await claimInstance({
    instanceId: id,
    stateDir,
    isTaken: (candidate: number) => subnetIsTaken(candidate, { ours }),
  });
  return { id, index };
}

/** The first signal that asks the daemon to end. A second one of the kind ends it at once. */
function stopSignal(): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    for (const signal of ["SIGTERM", "SIGINT"] as const) {
      process.once(signal, () => {
        process.once(signal, () => process.exit(1));
        resolve(signal);
      });
    }
    // A terminal that goes away is no wish to end.
    process.on("SIGHUP", () => undefined);
  });
}
