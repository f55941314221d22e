import { chmod, mkdir, readdir, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { CannotStart } from "../lib/cannot-start.ts";

/**
 * Makes the directories of the daemon. Containers' roots are strangers to the host, and mount what lies in them:
 * so they, and everything above them, must be searchable by others. What is secret is closed further below. A
 * directory that is there already keeps its mode: it may be anybody's.
 * Errors: CannotStart where one is closed to others, or a parent of it is.
 */
export async function makeDirectories(dirs: readonly string[]): Promise<void> {
  for (const dir of dirs) {
    const made = await mkdir(dir, { recursive: true, mode: 0o711 }).catch((cause: Error) => {
      throw new CannotStart(`Cannot make directory "${dir}": ${cause.message}`, { cause });
    });
    if (made !== undefined) await chmod(dir, 0o711);
    await assertSearchable(dir);
  }
}

/**
 * Errors: CannotStart where the directory holds something and was never a daemon's: our files would come to lie
 * among somebody else's.
 */
export async function assertOurs(stateDir: string): Promise<void> {
  const names = await readdir(stateDir);
  if (names.length === 0 || names.some((name) => ourFiles.includes(name))) return;
  throw new CannotStart(
    `Cannot use "${stateDir}": it holds files and none of a daemon's, wanted an empty directory or one that a daemon has used`,
  );
}

/**
 * The first are made at a first start, one after the other. A file system's own directory counts as nothing, and so
 * does the log that whoever starts the daemon keeps there.
 */
const ourFiles = ["sharku.db", "instance", "lost+found", "daemon.log"];

async function assertSearchable(dir: string): Promise<void> {
  // Every path leads up to the root, where it ends.
  for (let parent = dir; ; parent = dirname(parent)) {
    const { mode } = await stat(parent);
    if ((mode & 0o001) === 0) {
      throw new CannotStart(
        `Cannot use "${dir}": "${parent}" above it is closed to others, and procs could not reach their files; choose another directory, or chmod o+x "${parent}"`,
      );
    }
    if (parent === "/") return;
  }
}
