import type { HostFacts } from "../facts.ts";
import type { CheckResult } from "../host.ts";
import { byCommand, ok } from "./result.ts";

/** Without it procs run all the same, and nothing bounds what they write to /app. */
export function judgeDisk({ uid, diskTrial, tools }: HostFacts): CheckResult[] {
  // The check of the tools, and that for root, have said so.
  if (uid !== 0 || tools.mke2fs === null) return [];
  const name = "limit of /app";
  if (diskTrial?.works) return [ok({ name, found: "a disk image for each" })];
  const found = `none, since a disk image cannot be mounted: ${diskTrial?.output ?? "there is no unshare to try it"}`;
  return [byCommand("warn", { name, found, shell: "modprobe loop && modprobe ext4" })];
}
