import { readFile, stat } from "node:fs/promises";
import type { RunPaths } from "./run-paths.ts";
import type { RuntimeFamily } from "./runtime-family.ts";

/** Families whose containers' first process is the runtime until the command runs, and then the init. */
const sharingKernel: readonly RuntimeFamily[] = ["crun", "runc"];

export function sharesKernel(family: RuntimeFamily): boolean {
  return sharingKernel.includes(family);
}

/** The pid that the runtime has told the supervisor; null where there is none. */
export async function firstPid(paths: RunPaths): Promise<number | null> {
  const pid = Number.parseInt(await readFile(paths.pidFile, "utf8").catch(() => ""), 10);
  return Number.isSafeInteger(pid) && pid > 1 ? pid : null;
}

/**
 * Whether the container is still before its command, by what its first process runs; false also where that cannot be
 * told, as of a runtime with a kernel of its own, and where the process is gone.
 */
export async function isBeforeCommand(
  pid: number,
  { family, initPath }: { family: RuntimeFamily; initPath: string },
): Promise<boolean> {
  if (!sharesKernel(family)) return false;
  const [running, init] = await Promise.all([stat(`/proc/${pid}/exe`).catch(() => null), stat(initPath)]);
  return running !== null && (running.ino !== init.ino || running.dev !== init.dev);
}
