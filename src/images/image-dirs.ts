import { access, chown, constants, mkdir, open } from "node:fs/promises";
import { runCommand } from "../lib/run-command.ts";

/** Whom the files in a container's /app belong to. */
const APP_UID = 1000;

export async function makeTarget(dir: string): Promise<void> {
  await mkdir(dir, { recursive: true, mode: 0o700 });
  // Only root has other users to give it to: the tests run as anybody.
  if (process.getuid?.() === 0) await chown(dir, APP_UID, APP_UID);
}

export async function syncDir(dir: string): Promise<void> {
  const handle = await open(dir, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

export async function isThere(path: string): Promise<boolean> {
  return await access(path).then(
    () => true,
    () => false,
  );
}

/** By rm(1), which goes down step by step: a tree of strangers may be deeper than a path can be long. */
export async function deleteTree(dir: string): Promise<void> {
  await runCommand(["rm", "-rf", "--one-file-system", "--", dir]);
}
