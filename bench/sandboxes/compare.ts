import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { askedToEnd } from "../../scripts/start/signals.ts";
import { systemClock } from "../../src/lib/clock.ts";
import type { Facts } from "../../test/host/probe-facts.ts";
import { describeMachine } from "../machine.ts";
import { startOwnDaemon } from "../own-daemon.ts";
import { dockerEngine } from "../peers/docker.ts";
import { podmanEngine } from "../peers/podman.ts";
import { findVersion } from "../peers/version.ts";
import { DOCUMENT, MEASUREMENT, type Measurement, type SystemFacts, withTable } from "./document.ts";
import { probeEngine } from "./in-engine.ts";
import { probeSharku } from "./in-sharku.ts";

/**
 * What a program finds of its sandbox in a proc of Sharku, in Docker's container and in Podman's, each as it comes,
 * told by the same probe: `npm run compare`. It needs root, Docker and Podman; each gets a daemon of its own.
 *
 * Does: write what was measured to docs/sandboxes.json, and the table made of it into docs/security.md.
 * Does not: install anything, judge, or touch a daemon in use.
 */

async function main(): Promise<void> {
  const signal = askedToEnd();
  const machine = await describeMachine();
  const dir = await mkdtemp("/var/tmp/sharku-compare-");
  try {
    // The containers' roots are strangers to the host and must find their way.
    await chmod(dir, 0o711);
    const systems = await probeAll(dir, signal);
    const measured: Measurement = {
      at: systemClock.now().toISOString().slice(0, 10),
      kernel: machine.kernel,
      cgroup: machine.cgroup,
      systems,
    };
    await writeFile(MEASUREMENT, `${JSON.stringify(measured, null, 2)}\n`);
    await writeFile(DOCUMENT, withTable(await readFile(DOCUMENT, "utf8"), measured));
  } finally {
    await rm(dir, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 });
  }
}

async function probeAll(dir: string, signal: AbortSignal): Promise<SystemFacts[]> {
  await using daemon = await startOwnDaemon(dir, signal);
  const { config, facts } = await probeSharku(daemon);
  const { version: ours } = await daemon.client.info();
  const systems = [{ name: "Sharku", version: ours, facts: kept(facts) }];
  for (const [name, program, makeEngine] of [
    ["Docker", "dockerd", dockerEngine],
    ["Podman", "podman", podmanEngine],
  ] as const) {
    const version = await findVersion([program, "--version"]);
    if (version === null) throw new Error(`Cannot compare with ${name}: there is no ${program} on the PATH`);
    const engineDir = join(dir, program);
    await mkdir(engineDir, { mode: 0o711 });
    const engine = await makeEngine({
      dir: engineDir,
      cgroup: `${basename(dir)}-${program}`,
      version,
      config,
    });
    systems.push({ name, version, facts: kept(await probeEngine(engine, signal)) });
  }
  return systems;
}

/** Without what is another at each run. */
function kept(facts: Facts): Facts {
  return { ...facts, environment: {}, initEnvironment: [], namespaces: {}, hostname: "", pids: [] };
}

await main();
