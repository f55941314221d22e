import { chmod, mkdir, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { CannotStart } from "../lib/cannot-start.ts";

/**
 * Makes the directories of the daemon. Containers' roots are strangers to the host, and mount what lies in them:
 * so they, and everything above them, must be searchable by others. What is secret is closed further below.
 * Errors: CannotStart where a parent is closed.
 */
export async function makeDirectories(dirs: readonly string[]): Promise<void> {
  for (const dir of dirs) {
    await mkdir(dir, { recursive: true, mode: 0o711 }).catch((cause: Error) => {
      throw new CannotStart(`Cannot make directory "${dir}": ${cause.message}`, { cause });
    });
    await chmod(dir, 0o711);
    await assertSearchable(dir);
  }
}

async function assertSearchable(dir: string): Promise<void> {
  // Every path leads up to the root, where it ends.
  for (let parent = dirname(dir); ; parent = dirname(parent)) {
    const { mode } = await stat(parent);
    if ((mode & 0o001) === 0) {
      throw new CannotStart(
        `Cannot use "${dir}": "${parent}" above it is closed to others, and procs could not reach their files; choose another directory, or chmod o+x "${parent}"`,
      );
    }
    if (parent === "/") return;
  }
}
