import { CommandError, runCommand } from "../lib/run-command.ts";

/**
 * Brings all of the file system that a directory lies on to the disk: sync(1) flushes that one. Errors: what tells a
 * full disk or quota has the code that a write would have.
 */
export async function flushFileSystem(dir: string): Promise<void> {
  const env = { PATH: process.env["PATH"], LC_ALL: "C" };
  await runCommand(["sync", "--file-system", dir], { env }).catch((error: unknown) => {
    const code = error instanceof CommandError ? fullCode(error.result?.stderr ?? "") : null;
    throw code === null ? error : Object.assign(new Error(String(error), { cause: error }), { code });
  });
}

/** By how a line ends: what comes before may be any name. */
function fullCode(stderr: string): string | null {
  if (/: No space left on device$/m.test(stderr)) return "ENOSPC";
  return /: Disk quota exceeded$/m.test(stderr) ? "EDQUOT" : null;
}
