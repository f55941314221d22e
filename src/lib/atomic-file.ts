import { closeSync, fsyncSync, openSync, renameSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";

/**
 * Writes a small file so that it is either as before or whole, also after a loss of power. Blocks: for the start
 * of the daemon and the CLI only. Two at once on the same file are not for this.
 */
export function writeFileAtomicSync(path: string, content: string, { mode }: { mode: number }): void {
  const newPath = `${path}.new`;
  const handle = openSync(newPath, "w", mode);
  try {
    writeFileSync(handle, content);
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
  renameSync(newPath, path);
  syncDirectory(dirname(path));
}

/** Makes the names in a directory durable. */
export function syncDirectory(path: string): void {
  const handle = openSync(path, "r");
  try {
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
}
