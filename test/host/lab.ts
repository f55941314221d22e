import { chmod, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { defaultLimits } from "../../src/contract/proc.ts";
import { detectCgroups, gatherCgroups } from "../../src/host/gather-cgroups.ts";
import { buildBundle, type Confinement, type Rule } from "../../src/isolation/bundle.ts";
import { Cgroups } from "../../src/isolation/cgroup.ts";
import { gatherHostFacts } from "../../src/isolation/host-facts.ts";
import { restoreNullDevice } from "../../src/isolation/null-device.ts";
import type { OciConfig } from "../../src/isolation/oci.ts";
import { sandboxRules } from "../../src/isolation/rules/rules.ts";
import { pause } from "../../src/lib/clock.ts";
import { tryCommand } from "../../src/lib/run-command.ts";
import { openHostTemplate } from "../../src/templates/host-template.ts";
import { stretched } from "../until.ts";
import { PROGRAMS } from "./archive.ts";

/**
 * Where a sandbox is tried without a daemon: a bundle made by the rules, changed on purpose, run by the runtime
 * itself. A control takes one protection away, and then the attack must succeed.
 */
export interface Lab extends AsyncDisposable {
  /** Runs the bundle to its end; what it printed. `change` comes after all rules. */
  run(given: LabRun): Promise<{ code: number | null; lines: string[]; stderr: string }>;
}

export interface LabRun {
  readonly argv: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly rules?: readonly Rule[];
  readonly change?: (config: OciConfig) => OciConfig;
  /** Path of the runtime; crun where none is named. */
  readonly program?: string;
}

/** Not below /tmp, which is a tmpfs on many hosts; the name is one that nobody else's sweep takes for its own. */
const LABS = "/var/tmp/sharku-lab-";

/** Beyond all daemons' ids: there are 32 blocks of 16384. */
const LAB_ID_BASE = 0x20000000 + 32 * 16384;

const RUN_MS_MAX = stretched(60_000);

export async function openLab(): Promise<Lab> {
  const dir = await mkdtemp(LABS);
  await chmod(dir, 0o711);
  const { version } = await detectCgroups();
  const { mounts } = await gatherCgroups();
  const roots = mounts.filter(({ readOnly }) => !readOnly).map(({ path }) => path);
  const cgroups = new Cgroups({ version, roots }, `sharku-lab-${process.pid}`, pause);
  const { swapAccounting } = await cgroups.open();
  const host = await gatherHostFacts(swapAccounting);
  const template = await openHostTemplate({ dir: join(dir, "templates"), hostRoot: "/" });
  let runs = 0;
  return {
    run: async ({ argv, env = {}, rules = sandboxRules, change = (config) => config, program = "crun" }) => {
      runs += 1;
      const id = `lab-${process.pid}-${runs}`;
      const bundleDir = join(dir, id);
      await mkdir(bundleDir, { mode: 0o711 });
      const hostId = LAB_ID_BASE + 2 * runs;
      const confinement: Confinement = {
        containerId: id,
        hostname: "lab",
        argv,
        env: { PATH: "/usr/bin:/bin:/usr/sbin:/sbin", HOME: "/app", ...env },
        cwd: "/app",
        limits: defaultLimits,
        template,
        hostId,
        cgroupsPath: cgroups.pathOf(id),
        extraMounts: [
          {
            destination: "/app",
            type: "bind",
            source: PROGRAMS,
            options: ["bind", "ro", "nosuid", "nodev", "private"],
          },
        ],
        host,
      };
      const config = change(buildBundle(confinement, rules));
      await writeFile(join(bundleDir, "config.json"), JSON.stringify(config));
      try {
        const root = `--root=${join(dir, "runtime")}`;
        const { code, stdout, stderr } = await tryCommand([program, root, "run", "--bundle", bundleDir, id], {
          // A pipe: crun gives a /dev/null that it finds there to the container's root.
          input: "",
          timeoutMs: RUN_MS_MAX,
        });
        return { code, lines: stdout.split("\n").filter(Boolean), stderr };
      } finally {
        await tryCommand([program, `--root=${join(dir, "runtime")}`, "delete", "--force", id], {});
        await cgroups.kill(id);
        await cgroups.remove(id);
        await restoreNullDevice();
      }
    },
    [Symbol.asyncDispose]: async () => {
      await cgroups.close();
      await rm(dir, { recursive: true, force: true });
    },
  };
}
