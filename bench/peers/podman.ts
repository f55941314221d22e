import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type Engine, type EnginePlace, socketIn } from "./engine.ts";

/**
 * No default limits of open files and processes: where they cannot be raised, every start would fail. No systemd
 * and no journal, which the namespaces it is put in do not hold.
 */
const SETTINGS = `[containers]
default_ulimits = []
log_driver = "k8s-file"
[engine]
cgroup_manager = "cgroupfs"
events_logger = "file"
runtime = "crun"
`;

/** Podman as a service, on a socket and storage of its own. */
export async function podmanEngine({ dir, ...place }: EnginePlace): Promise<Engine> {
  const [socket, settingsFile, networksDir] = [
    socketIn(dir),
    join(dir, "containers.conf"),
    join(dir, "networks"),
  ];
  await mkdir(networksDir, { mode: 0o700 });
  await writeFile(settingsFile, SETTINGS);
  const dirs = ["--root", join(dir, "data"), "--runroot", join(dir, "run"), "--tmpdir", join(dir, "tmp")];
  const service = ["system", "service", "-t", "0", `unix://${socket}`];
  return {
    ...place,
    ...{ dir, socket, name: "Podman" },
    argv: ["podman", ...dirs, "--network-config-dir", networksDir, ...service],
    env: { CONTAINERS_CONF: settingsFile },
  };
}
