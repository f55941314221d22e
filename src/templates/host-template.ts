import { chmod, mkdir, mkdtemp, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { runCommand } from "../lib/run-command.ts";
import type { TemplateFiles } from "../procs/needs.ts";
import { hashEntries, writeEntries } from "./entries.ts";
import { hostEtc } from "./host-etc.ts";
import { hostSkeleton } from "./host-skeleton.ts";

export const HOST = "host";

/** What an unfinished version is called until it is renamed. */
const UNFINISHED_PREFIX = ".new-";

const VERSION_CHARS = 16;

/** The template `host` of a daemon, or of whoever tries its sandbox without one. */
export async function openHostTemplate(options: {
  readonly dir: string;
  readonly hostRoot: string;
}): Promise<TemplateFiles> {
  await makeSearchableDir(options.dir);
  await makeSearchableDir(join(options.dir, HOST));
  return await makeHostTemplate(options);
}

/**
 * Makes the newest version of the template `host` below `dir`, or finds it there: its name comes from what is in
 * it, so a host that has not changed gives the same again. Two that make it at once both get it.
 */
async function makeHostTemplate({
  dir,
  hostRoot,
}: {
  readonly dir: string;
  readonly hostRoot: string;
}): Promise<TemplateFiles> {
  const skeleton = await hostSkeleton(hostRoot);
  const etc = await hostEtc(hostRoot);
  const version = hashEntries([
    ...skeleton.entries.map((entry) => ({ ...entry, path: `skeleton/${entry.path}` })),
    ...etc.map((entry) => ({ ...entry, path: `etc/${entry.path}` })),
  ]).slice(0, VERSION_CHARS);
  const versionDir = join(dir, HOST, version);
  if (!(await exists(versionDir))) {
    const newDir = await mkdtemp(join(dir, HOST, UNFINISHED_PREFIX));
    await writeEntries(join(newDir, "skeleton"), skeleton.entries);
    await writeEntries(join(newDir, "etc"), etc);
    await chmod(newDir, 0o711);
    // On disk before it has its name, which would stand for it after a loss of power too.
    await runCommand(["sync", "--file-system", newDir]);
    await publish(newDir, versionDir);
  }
  return {
    name: HOST,
    version,
    skeletonDir: join(versionDir, "skeleton"),
    binds: [
      ...["usr", ...skeleton.realDirs].map((name) => ({
        source: join(hostRoot, name),
        destination: `/${name}`,
      })),
      { source: join(versionDir, "etc"), destination: "/etc" },
    ],
  };
}

/** Searchable by others all the way down: the mounter in a proc's user namespace is nobody here. */
export async function makeSearchableDir(path: string): Promise<void> {
  await mkdir(path, { recursive: true });
  await chmod(path, 0o711);
}

async function publish(newDir: string, versionDir: string): Promise<void> {
  try {
    await rename(newDir, versionDir);
  } catch (error) {
    await rm(newDir, { recursive: true, force: true });
    // Another has made the very same meanwhile.
    if (!(await exists(versionDir))) throw error;
  }
}

async function exists(path: string): Promise<boolean> {
  return (await stat(path).catch(() => null)) !== null;
}
