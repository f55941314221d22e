import type { CgroupFacts, HostFacts } from "../facts.ts";
import type { CheckResult } from "../host.ts";
import { byCommand, byHand, ok } from "./result.ts";

/**
 * Which cgroups there are decides how limits are set. crun goes by what is mounted at /sys/fs/cgroup: a cgroup2
 * there is v2; else it is v1, and a v2 tree beside it (at `unified`, as the hybrid layout has it) may have no
 * controller left, or crun refuses every container ("cgroups in hybrid mode not supported").
 */
export const CGROUP_ROOT = "/sys/fs/cgroup";
const UNIFIED = `${CGROUP_ROOT}/unified`;

const neededOnV2 = ["memory", "pids", "cpu"];
const neededOnV1 = [...neededOnV2, "devices", "freezer"];

export function judgeCgroups({ cgroups }: HostFacts): CheckResult[] {
  if (cgroupVersion(cgroups) === "v2") return [judgeV2(cgroups)];
  if (cgroups.mounts.length === 0) return [judgeUnmounted(cgroups)];
  return [judgeV1(cgroups), judgeHybrid(cgroups)];
}

export function cgroupVersion({ mounts }: CgroupFacts): "v1" | "v2" {
  return mounts.some(({ path, type }) => path === CGROUP_ROOT && type === "cgroup2") ? "v2" : "v1";
}

function judgeV2({ mounts, v2Controllers, kernelControllers }: CgroupFacts): CheckResult {
  const name = "cgroups";
  const missing = neededOnV2.filter((controller) => !v2Controllers?.includes(controller));
  if (missing.length > 0) {
    const found = `v2 without ${missing.join(", ")}`;
    const bound = missing.filter((name) =>
      kernelControllers.some((one) => one.name === name && one.hierarchy),
    );
    const cure = bound.length > 0 ? `unmount the v1 ${bound.join(", ")}` : bootCure(missing);
    return byHand("fail", { name, found, cure });
  }
  return mounts.some(({ path, readOnly }) => path === CGROUP_ROOT && readOnly)
    ? readOnlyRoot(CGROUP_ROOT)
    : ok({ name, found: "v2" });
}

function judgeV1({ mounts, kernelControllers }: CgroupFacts): CheckResult {
  const name = "cgroups";
  const mounted = (controller: string) => mounts.find(({ controllers }) => controllers.includes(controller));
  const readOnly = neededOnV1.map(mounted).find((mount) => mount?.readOnly);
  if (readOnly) return readOnlyRoot(readOnly.path);
  const missing = neededOnV1.filter((controller) => !mounted(controller));
  if (missing.length === 0) return ok({ name, found: "v1" });
  const found = `v1 without ${missing.join(", ")}`;
  const known = missing.every((controller) => kernelControllers.some((one) => one.name === controller));
  if (!known) return byHand("fail", { name, found, cure: bootCure(missing) });
  return byCommand("fail", { name, found, shell: missing.map(mountV1).join(" && ") });
}

function judgeHybrid({ mounts, v2Controllers, kernelControllers }: CgroupFacts): CheckResult {
  const name = "hybrid cgroups";
  if (!mounts.some(({ path }) => path === UNIFIED)) return ok({ name, found: "none" });
  const left = v2Controllers ?? [];
  if (left.length === 0) return ok({ name, found: "all controllers are v1, as crun wants it" });
  const found = `${left.join(", ")} left in the v2 tree, crun refuses that`;
  const stuck = left.filter((controller) => !kernelControllers.some((one) => one.name === controller));
  if (stuck.length === 0) return byCommand("fail", { name, found, shell: left.map(mountV1).join(" && ") });
  const cure = `boot with cgroup_disable=${stuck.join(",")} or systemd.unified_cgroup_hierarchy=1 (pure v2)`;
  return byHand("fail", { name, found, cure });
}

function judgeUnmounted({ kernelControllers }: CgroupFacts): CheckResult {
  const name = "cgroups";
  const found = "nothing is mounted at /sys/fs/cgroup";
  if (kernelControllers.every(({ hierarchy }) => hierarchy === 0)) {
    return byCommand("fail", { name, found, shell: mountOnce(CGROUP_ROOT, "-t cgroup2 cgroup2") });
  }
  return byHand("fail", {
    name,
    found,
    cure: "mount cgroups there, as the host's init does; in a container run it privileged",
  });
}

function readOnlyRoot(path: string): CheckResult {
  const cure = `mount -o remount,rw ${path}, and in a container run it privileged`;
  return byHand("fail", { name: "cgroups", found: `${path} is read-only`, cure });
}

function bootCure(controllers: readonly string[]): string {
  const words = controllers.map((controller) => `cgroup_enable=${controller}`).join(" ");
  return `boot with ${words}, or use a kernel that has ${controllers.join(", ")}`;
}

function mountV1(controller: string): string {
  return mountOnce(`${CGROUP_ROOT}/${controller}`, `-t cgroup -o ${controller} cgroup`);
}

/** mount(8) would put a second one over the first. */
function mountOnce(path: string, what: string): string {
  return `{ mountpoint -q ${path} || { mkdir -p ${path} && mount ${what} ${path}; }; }`;
}
