import { open, readdir, rm, stat, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";

/**
 * What changes about an image while its files never do: when a proc last began with it, and whether it is pinned.
 * Each mark is an empty file beside the image's own, gone with it.
 */
export interface Marks {
  readonly lastUsedMs: number | null;
  readonly pinned: boolean;
}

const USED = "used";
const PINNED = "pinned";

export async function readMarks(imageDir: string): Promise<Marks> {
  const names = await readdir(imageDir);
  const used = names.includes(USED) ? await stat(join(imageDir, USED)) : null;
  return { lastUsedMs: used?.mtimeMs ?? null, pinned: names.includes(PINNED) };
}

export async function markUsed(imageDir: string, at: Date): Promise<void> {
  const path = join(imageDir, USED);
  await writeFile(path, "", { flag: "a", mode: 0o600 });
  await utimes(path, at, at);
}

/** On disk when it returns. Repeating it is fine. */
export async function markPinned(imageDir: string, pinned: boolean): Promise<void> {
  const path = join(imageDir, PINNED);
  if (pinned) await writeFile(path, "", { mode: 0o600 });
  else await rm(path, { force: true });
  await using dir = await open(imageDir, "r");
  await dir.sync();
}
