import { runCommand } from "../lib/run-command.ts";

/** Brings all of the file system that a directory lies on to the disk: sync(1) flushes that one. */
export async function flushFileSystem(dir: string): Promise<void> {
  await runCommand(["sync", "--file-system", dir]);
}
