import type { HostFacts } from "../facts.ts";
import type { CheckResult } from "../host.ts";
import { byCommand, byHand, isAtLeast, ok } from "./result.ts";

/** Overlay mounts inside a user namespace that keep their notes in `user.*` attributes. */
const KERNEL_MIN = "5.12";

/**
 * From which kernel on a filesystem can be bound with its owners mapped. A tmpfs could from 6.3 on, but the
 * overlay's notes need its `user.*` attributes.
 */
const idmapSince: Readonly<Record<string, string>> = {
  ext4: "5.12",
  xfs: "5.12",
  vfat: "5.12",
  btrfs: "5.15",
  f2fs: "5.18",
  erofs: "5.19",
  tmpfs: "6.6",
  squashfs: "6.2",
};

export function judgeKernel(facts: HostFacts): CheckResult[] {
  return [
    judgeVersion(facts),
    judgeUserNamespaces(facts),
    judgeOverlay(facts),
    judgeSeccomp(facts),
    judgeIdmap("/usr", { filesystem: facts.usr.filesystem, kernel: facts.kernel }),
    judgeIdmap(facts.stateDir.path, { filesystem: facts.stateDir.filesystem, kernel: facts.kernel }),
  ];
}

function judgeVersion({ kernel }: HostFacts): CheckResult {
  const name = "kernel";
  if (isAtLeast(kernel, KERNEL_MIN)) return ok({ name, found: kernel });
  return byHand("fail", { name, found: kernel, cure: `use Linux ${KERNEL_MIN} or newer` });
}

function judgeUserNamespaces({ userNamespacesMax }: HostFacts): CheckResult {
  const name = "user namespaces";
  if (userNamespacesMax === null) {
    return byHand("fail", { name, found: "not in this kernel", cure: "use a kernel with CONFIG_USER_NS" });
  }
  if (userNamespacesMax > 0) return ok({ name, found: `up to ${userNamespacesMax}` });
  const shell = "echo 15000 > /proc/sys/user/max_user_namespaces";
  return byCommand("fail", { name, found: "user.max_user_namespaces is 0", shell });
}

function judgeOverlay({ filesystems, overlayLoads }: HostFacts): CheckResult {
  const name = "overlayfs";
  if (filesystems.includes("overlay")) return ok({ name, found: "in the kernel" });
  if (overlayLoads) return ok({ name, found: "a module, loaded when the first proc starts" });
  return byCommand("fail", { name, found: "not loaded", shell: "modprobe overlay" });
}

function judgeSeccomp({ seccompActions }: HostFacts): CheckResult {
  const name = "seccomp";
  if (seccompActions?.includes("errno")) return ok({ name, found: "filters" });
  return byHand("fail", {
    name,
    found: "no filters in this kernel",
    cure: "use a kernel with CONFIG_SECCOMP_FILTER",
  });
}

/** Files of root look root's in a proc, and an image's the app's, by binds with mapped owners. */
function judgeIdmap(path: string, on: { filesystem: string; kernel: string }): CheckResult {
  const name = `mapped owners on ${path}`;
  const since = idmapSince[on.filesystem];
  if (since !== undefined && isAtLeast(on.kernel, since)) return ok({ name, found: on.filesystem });
  const found = `${on.filesystem} on Linux ${on.kernel} cannot`;
  const newer = since === undefined ? "" : `Linux ${since} or newer, or `;
  const cure = `use ${newer}ext4, xfs or btrfs${path === "/usr" ? "" : ", by another --state-dir for one"}`;
  return byHand("fail", { name, found, cure });
}
