import { mkdir } from "node:fs/promises";
import { basename, join } from "node:path";
import type { OciConfig } from "../../src/isolation/oci.ts";
import type { BenchmarkOptions } from "../benchmark.ts";
import { dockerEngine } from "./docker.ts";
import type { Engine } from "./engine.ts";
import { podmanEngine } from "./podman.ts";
import { findVersion } from "./version.ts";

const makers = [
  ["docker", "dockerd", dockerEngine],
  ["podman", "podman", podmanEngine],
] as const;

/** The engines that are wished for and installed, each with a directory and cgroup of its own; none is started yet. */
export async function chosenEngines(
  { dir, peers, say }: BenchmarkOptions,
  config: OciConfig,
): Promise<Engine[]> {
  const engines: Engine[] = [];
  for (const [peer, program, makeEngine] of makers) {
    if (!peers.includes(peer)) continue;
    const version = await findVersion([program, "--version"]);
    if (version === null) {
      say(`${peer} is left out: there is no ${program} on the PATH`);
      continue;
    }
    const engineDir = join(dir, peer);
    await mkdir(engineDir, { mode: 0o711 });
    engines.push(await makeEngine({ dir: engineDir, cgroup: `${basename(dir)}-${peer}`, version, config }));
  }
  return engines;
}
