import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type Engine, type EnginePlace, socketIn } from "./engine.ts";

/** Docker, on a socket, data and containerd of its own. */
export async function dockerEngine({ dir, ...place }: EnginePlace): Promise<Engine> {
  const socket = socketIn(dir);
  // Settings of the host's own Docker are not what is compared, and may clash with these.
  const settingsFile = join(dir, "daemon.json");
  await writeFile(settingsFile, "{}\n");
  const dirs = ["--data-root", join(dir, "data"), "--exec-root", join(dir, "exec"), "-p", join(dir, "pid")];
  const settings = ["--config-file", settingsFile, "--exec-opt", "native.cgroupdriver=cgroupfs"];
  return {
    ...place,
    ...{ dir, socket, name: "Docker" },
    // cgroupfs: the namespaces it is put in hold no systemd that it could ask.
    argv: ["dockerd", "--host", `unix://${socket}`, ...dirs, ...settings],
  };
}
