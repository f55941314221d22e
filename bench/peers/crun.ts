import { chown, mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { OciConfig, OciMount } from "../../src/isolation/oci.ts";
import { removeTree } from "../../src/isolation/remove-tree.ts";
import { bundlesDir } from "../../src/isolation/run-paths.ts";
import { Runtime } from "../../src/isolation/runtime.ts";
import { runCommand } from "../../src/lib/run-command.ts";
import { type Contender, timed } from "../measure.ts";

const PROGRAM = "/usr/bin/crun";
const RUN_MS_MAX = 30_000;

/** Mounted from files that are gone when the proc is. */
const procFiles = ["/etc/hosts", "/etc/resolv.conf"];

export interface ByHand {
  /** Directory of this contender's own, searchable by others all the way down. */
  readonly dir: string;
  /** What the daemon wrote for a proc of the very kind that is compared. */
  readonly config: OciConfig;
}

/** The bundle of the daemon's only proc. */
export async function readOnlyBundle(runDir: string): Promise<OciConfig> {
  const bundles = bundlesDir({ runDir, stateDir: "" });
  const [runId, ...others] = await readdir(bundles);
  if (runId === undefined || others.length > 0)
    throw new Error(`Cannot pick a bundle in "${bundles}": one was wanted, there are ${others.length + 1}`);
  // The daemon has written it from this very type.
  return JSON.parse(await readFile(join(bundles, runId, "config.json"), "utf8")) as OciConfig;
}

/** `crun run` of the daemon's own bundle, by hand: the floor under whatever is built on crun. */
export async function crunByHand(given: ByHand): Promise<Contender> {
  return await makeContender(given, {
    name: "crun run",
    what: "crun run of the very same bundle with the command true, as a whole process, from spawn to exit",
  });
}

/** The same once more without the filter that the daemon has compiled, which shows what it costs to do so at each start. */
export async function crunCompiling(given: ByHand): Promise<Contender> {
  const { annotations: _, ...config } = given.config;
  return await makeContender(
    { ...given, config },
    { name: "crun run, compiling", what: "the same where crun compiles the seccomp filter itself" },
  );
}

/** And without any system call filter. */
export async function crunWithoutFilter(given: ByHand): Promise<Contender> {
  const { annotations: _annotations, ...config } = given.config;
  const { seccomp: _seccomp, ...linux } = config.linux;
  return await makeContender(
    { ...given, config: { ...config, linux } },
    { name: "crun run, no seccomp", what: "the same without the seccomp filter of the bundle" },
  );
}

async function makeContender(
  { dir, config }: ByHand,
  names: { name: string; what: string },
): Promise<Contender> {
  await mkdir(dir, { mode: 0o711 });
  const runtime = new Runtime(PROGRAM, join(dir, "runtime"));
  let count = 0;
  return {
    ...names,
    once: async () => {
      count += 1;
      const id = `${names.name.replaceAll(/[^a-z]+/g, "-")}-${count}`;
      const bundleDir = join(dir, id);
      await writeBundle(bundleDir, adapt(config, { id, bundleDir }));
      // Pipes on all three: crun gives a /dev/null it finds there to the container's root.
      const run = () => runCommand(runtime.runArgv(id, bundleDir), { input: "", timeoutMs: RUN_MS_MAX });
      const ms = await timed(run);
      await removeTree(bundleDir);
      return ms;
    },
  };
}

/** Changes what must differ and no more: names, the app's own directories, the files that go with the proc. */
function adapt(config: OciConfig, at: { id: string; bundleDir: string }): OciConfig {
  const [init = "", separator = "--"] = config.process.args;
  const { cgroupsPath } = config.linux;
  return {
    ...config,
    process: { ...config.process, args: [init, separator, "true"] },
    mounts: config.mounts
      .filter(({ destination }) => !procFiles.includes(destination))
      .map((mount) =>
        mount.type === "overlay" ? { ...mount, options: ownDirs(mount, at.bundleDir) } : mount,
      ),
    linux: { ...config.linux, cgroupsPath: join(dirname(cgroupsPath), at.id) },
  };
}

function ownDirs({ options }: OciMount, bundleDir: string): string[] {
  return options.map((option) => option.replace(/^(upper|work)dir=.*$/, `$1dir=${bundleDir}/$1`));
}

async function writeBundle(bundleDir: string, config: OciConfig): Promise<void> {
  const rootId = config.linux.uidMappings[0]?.hostID ?? 0;
  await mkdir(bundleDir, { mode: 0o711 });
  for (const [name, owner] of [
    ["upper", rootId + 1],
    ["work", rootId],
  ] as const) {
    const path = join(bundleDir, name);
    await mkdir(path, { mode: 0o755 });
    await chown(path, owner, owner);
  }
  await writeFile(join(bundleDir, "config.json"), JSON.stringify(config), { mode: 0o600 });
}
