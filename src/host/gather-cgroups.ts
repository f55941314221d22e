import { readFile } from "node:fs/promises";
import { CGROUP_ROOT, cgroupVersion } from "./checks/cgroups.ts";
import type { CgroupFacts, CgroupMount } from "./facts.ts";

/** Which cgroups limits are set in: on v1 each controller has a root of its own. */
export type Cgroups =
  | { readonly version: "v2"; readonly root: string }
  | { readonly version: "v1"; readonly roots: Readonly<Record<string, string>> };

/** Asked once, at the start of the daemon. */
export async function detectCgroups(): Promise<Cgroups> {
  const facts = await gatherCgroups();
  if (cgroupVersion(facts) === "v2") return { version: "v2", root: CGROUP_ROOT };
  const roots = facts.mounts.flatMap(({ path, controllers }) => controllers.map((name) => [name, path]));
  return { version: "v1", roots: Object.fromEntries(roots) };
}

export async function gatherCgroups(): Promise<CgroupFacts> {
  const [mountinfo, table] = await Promise.all([text("/proc/self/mountinfo"), text("/proc/cgroups")]);
  const kernelControllers = parseControllers(table);
  const mounts = parseCgroupMounts(mountinfo, new Set(kernelControllers.map(({ name }) => name)));
  const v2 = mounts.find(({ type }) => type === "cgroup2");
  const v2Controllers = v2 ? words(await text(`${v2.path}/cgroup.controllers`)) : null;
  return { mounts, v2Controllers, kernelControllers };
}

/** The lines of mountinfo (proc(5)) that are cgroups, below the place where every tool expects them. */
export function parseCgroupMounts(mountinfo: string, known: ReadonlySet<string>): CgroupMount[] {
  return mountinfo.split("\n").flatMap((line) => {
    const [before = "", after = ""] = line.split(" - ");
    const [type, , superOptions = ""] = after.split(" ");
    const [, , , , path = "", options = ""] = before.split(" ");
    if (type !== "cgroup" && type !== "cgroup2") return [];
    if (path !== CGROUP_ROOT && !path.startsWith(`${CGROUP_ROOT}/`)) return [];
    const readOnly = options.split(",").includes("ro");
    const controllers = type === "cgroup" ? superOptions.split(",").filter((word) => known.has(word)) : [];
    return [{ path, type, readOnly, controllers }];
  });
}

/** /proc/cgroups: name, hierarchy, number of cgroups, enabled. Newer kernels list only what v1 can have. */
export function parseControllers(table: string): CgroupFacts["kernelControllers"] {
  return table
    .split("\n")
    .filter((line) => line !== "" && !line.startsWith("#"))
    .map((line) => line.split("\t"))
    .filter(([, , , enabled]) => enabled === "1")
    .map(([name = "", hierarchy]) => ({ name, hierarchy: Number(hierarchy) }));
}

function words(line: string): string[] {
  return line.trim().split(/\s+/).filter(Boolean);
}

async function text(path: string): Promise<string> {
  return await readFile(path, "utf8").catch(() => "");
}
