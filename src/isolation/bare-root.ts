import { lstat, mkdir, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { runCommand } from "../lib/run-command.ts";
import type { OciMount } from "./oci.ts";

/**
 * A root of one run's own, for a runtime that makes no mountpoints: the template's skeleton, which is a few empty
 * directories and links, and on it a mountpoint for each bind.
 */
export async function makeBareRoot(
  rootDir: string,
  { skeletonDir, mounts }: { skeletonDir: string; mounts: readonly OciMount[] },
): Promise<void> {
  await runCommand(["cp", "-a", "--", skeletonDir, rootDir]);
  for (const mount of mounts) if (mount.type === "bind") await makeMountpoint(rootDir, mount);
}

async function makeMountpoint(rootDir: string, { source, destination }: OciMount): Promise<void> {
  const path = join(rootDir, destination);
  const there = await lstat(path).catch(() => null);
  if (there !== null) return;
  const isDirectory = (await stat(source)).isDirectory();
  await mkdir(isDirectory ? path : join(path, ".."), { recursive: true });
  if (!isDirectory) await writeFile(path, "", { flag: "wx" });
}
