import type { ProcSpec, SharkuClient } from "../src/client/client.ts";
import type { OciConfig } from "../src/isolation/oci.ts";
import type { OwnDaemon } from "./own-daemon.ts";
import { readOnlyBundle } from "./peers/crun.ts";

/** Creates a proc and waits until it runs. Errors: where it ends instead, with the reason. */
export async function startProc(client: SharkuClient, spec: ProcSpec): Promise<string> {
  const { id } = await client.createProc(spec);
  const { state, exit } = await client.waitProc(id, { until: "running" });
  if (state !== "running")
    throw new Error(`Cannot start a proc: it is ${state}, ${exit?.message ?? "no word why"}`);
  return id;
}

/** What the daemon writes for such a proc, where it has no other. */
export async function bundleOf({ client, runDir, remove }: OwnDaemon, spec: ProcSpec): Promise<OciConfig> {
  const id = await startProc(client, spec);
  const config = await readOnlyBundle(runDir);
  await remove(id);
  return config;
}
