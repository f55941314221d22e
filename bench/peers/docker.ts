import { join } from "node:path";
import { type Engine, type EnginePlace, socketIn } from "./engine.ts";

/** Docker, on a socket, data and containerd of its own. */
export function dockerEngine({ dir, ...place }: EnginePlace): Engine {
  const socket = socketIn(dir);
  const dirs = ["--data-root", join(dir, "data"), "--exec-root", join(dir, "exec"), "-p", join(dir, "pid")];
  return {
    ...place,
    ...{ dir, socket, name: "Docker" },
    // cgroupfs: the namespaces it is put in hold no systemd that it could ask.
    argv: ["dockerd", "--host", `unix://${socket}`, ...dirs, "--exec-opt", "native.cgroupdriver=cgroupfs"],
  };
}
