import { rm } from "node:fs/promises";
import { runCommand } from "../lib/run-command.ts";

/**
 * Removes a tree that an app has written. Nothing of the app lives any more, so nobody moves its directories
 * while we walk; links are removed, never followed. Node walks by whole paths, which an app can make longer
 * than the kernel takes; rm(1) walks by descriptors and cannot be stopped so.
 */
export async function removeTree(path: string): Promise<void> {
  try {
    await rm(path, { recursive: true, force: true });
  } catch {
    await runCommand(["rm", "-rf", "--one-file-system", "--", path]);
  }
}
