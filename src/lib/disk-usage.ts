import { lstat } from "node:fs/promises";
import { tryCommand } from "./run-command.ts";

const COUNT_MS_MAX = 60_000;
const STAT_BLOCK_BYTES = 512;

/**
 * What each of these directories holds, in bytes allocated, by its path: all below it on its file system, each file
 * once. With `depth` 1 also each thing in them. What is not there, or goes meanwhile, is left out. By du(1): it works
 * beside the daemon, and takes trees of any depth. Errors: CommandError where that takes longer than a minute.
 */
export async function diskUsage(
  paths: readonly string[],
  { depth = 0, exclude }: { readonly depth?: 0 | 1; readonly exclude?: string } = {},
): Promise<Map<string, number>> {
  if (paths.length === 0) return new Map();
  const options = ["--null", "--block-size=1", "--one-file-system", "--all", `--max-depth=${depth}`];
  if (exclude !== undefined) options.push(`--exclude=${exclude.replace(/[\\*?[\]]/g, "\\$&")}`);
  const { stdout } = await tryCommand(["du", ...options, "--", ...paths], { timeoutMs: COUNT_MS_MAX });
  return new Map(
    stdout.split("\0").flatMap((entry) => {
      const tab = entry.indexOf("\t");
      return tab === -1 ? [] : [[entry.slice(tab + 1), Number(entry.slice(0, tab))] as const];
    }),
  );
}

/** What a file or directory itself takes, without what is in it; 0 where it is not there. */
export async function ownUsage(path: string): Promise<number> {
  const stats = await lstat(path).catch(() => null);
  return (stats?.blocks ?? 0) * STAT_BLOCK_BYTES;
}
