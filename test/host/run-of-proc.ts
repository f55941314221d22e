import assert from "node:assert/strict";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import type { OciConfig } from "../../src/isolation/oci.ts";
import type { Places } from "./places.ts";

/** A proc's container, as its daemon has written it down. */
export interface Container {
  readonly id: string;
  readonly dir: string;
  readonly config: OciConfig;
}

/** By the environment of what it runs: other containers may be there, in which a runtime is tried. */
export async function containerOfProc({ runDir }: Places, procId: string): Promise<Container> {
  const bundles = join(runDir, "bundles");
  for (const id of await readdir(bundles)) {
    const text = await readFile(join(bundles, id, "config.json"), "utf8").catch(() => "{}");
    // The daemon has written it from this very type; one that is gone meanwhile has no process.
    const config = JSON.parse(text) as Partial<OciConfig>;
    if (config.process?.env.includes(`SHARKU_PROC=${procId}`))
      return { id, dir: join(bundles, id), config: config as OciConfig };
  }
  return assert.fail(`proc ${procId} has no container in ${bundles}`);
}
