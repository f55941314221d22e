import { constants, mkdir, open, readdir, rename, rmdir } from "node:fs/promises";
import { join } from "node:path";
import { runCommand } from "../lib/run-command.ts";
import { makeSearchableDir } from "./host-template.ts";
import { readVersionRecord, type VersionRecord } from "./record.ts";

/**
 * The versions as they lie on the disk: `<dir>/<name>/<version>/`. Each appears by one rename, whole and on disk, and
 * goes by one rename; what is unfinished or on its way out has a name that begins with a dot.
 */
export class VersionShelf {
  readonly #dir: string;

  constructor(dir: string) {
    this.#dir = dir;
  }

  dirOf(name: string, version: string): string {
    return join(this.#dir, name, version);
  }

  /** All that are whole, by the names that they say they have. */
  async load(): Promise<VersionRecord[]> {
    const found: VersionRecord[] = [];
    for (const name of await readdir(this.#dir)) {
      for (const version of await this.#namesIn(name)) {
        const record = version.startsWith(".") ? null : await readVersionRecord(this.dirOf(name, version));
        if (record?.name === name && record.version === version) found.push(record);
      }
    }
    return found;
  }

  /** Directory for a version that is being made. */
  async begin(name: string, jobId: string): Promise<string> {
    const workDir = this.dirOf(name, `.new-${jobId}`);
    const make = async () => {
      await makeSearchableDir(join(this.#dir, name));
      await mkdir(workDir, { mode: 0o700 });
    };
    // The last version of that name may just be on its way out, and take the name with it.
    await make().catch(async (error: NodeJS.ErrnoException) => {
      if (error.code !== "ENOENT") throw error;
      await make();
    });
    return workDir;
  }

  async publish(workDir: string, { name, version }: VersionRecord): Promise<void> {
    // Every file of it is on disk before its name is; sync(1) flushes that one filesystem.
    await runCommand(["sync", "--file-system", workDir]);
    await rename(workDir, this.dirOf(name, version));
    await syncDir(join(this.#dir, name));
    await syncDir(this.#dir);
  }

  /** Removes a version. Repeating it is fine. */
  async remove(name: string, version: string): Promise<void> {
    const gone = this.dirOf(name, `.old-${version}`);
    await rename(this.dirOf(name, version), gone).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== "ENOENT") throw error;
    });
    await this.discard(name, gone);
  }

  /** Removes what is unfinished or on its way out, and the name where nothing is left of it. */
  async discard(name: string, dir: string): Promise<void> {
    // By rm(1), which goes down step by step and follows no link: the tree may be anybody's.
    await runCommand(["rm", "-rf", "--one-file-system", "--", dir]);
    await rmdir(join(this.#dir, name)).catch(() => undefined);
  }

  /** Removes what a daemon has left that was killed. To be called when none of its builds can run any more. */
  async sweep(): Promise<void> {
    for (const name of await readdir(this.#dir)) {
      const left = (await this.#namesIn(name)).filter((version) => version.startsWith("."));
      for (const version of left) await this.discard(name, this.dirOf(name, version));
    }
  }

  async #namesIn(name: string): Promise<string[]> {
    return await readdir(join(this.#dir, name)).catch(() => []);
  }
}

async function syncDir(dir: string): Promise<void> {
  const handle = await open(dir, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
