import { access, readFile } from "node:fs/promises";
import { arch } from "node:process";
import { CannotStart } from "../lib/cannot-start.ts";
import type { HostFacts } from "./bundle.ts";
import { allFeatures } from "./features.ts";

const rlimitNames: Readonly<Record<string, string>> = {
  "Max open files": "RLIMIT_NOFILE",
  "Max core file size": "RLIMIT_CORE",
  "Max locked memory": "RLIMIT_MEMLOCK",
  "Max msgqueue size": "RLIMIT_MSGQUEUE",
  "Max pending signals": "RLIMIT_SIGPENDING",
};

const seccompArches: Readonly<Record<string, string>> = {
  x64: "SCMP_ARCH_X86_64",
  arm64: "SCMP_ARCH_AARCH64",
};

const INIT_PATHS = [
  "/usr/bin/catatonit",
  "/usr/libexec/catatonit/catatonit",
  "/usr/libexec/podman/catatonit",
];

/** What the rules must know of this machine. Errors: CannotStart where it lacks what every container needs. */
export async function gatherHostFacts(swapAccounting: boolean): Promise<HostFacts> {
  const seccompArch = seccompArches[arch];
  if (seccompArch === undefined) {
    throw new CannotStart(
      `Cannot confine procs on "${arch}": the system call lists are written for x64 and arm64`,
    );
  }
  return {
    rlimitHard: parseHardLimits(await readFile("/proc/self/limits", "utf8")),
    swapAccounting,
    initPath: await firstOf(INIT_PATHS),
    seccompArch,
    seccompFilter: null,
    userNamespaces: await hasUserNamespaces(),
    features: allFeatures,
  };
}

/** False where the kernel was built without them, and where their number is set to 0. */
export async function hasUserNamespaces(): Promise<boolean> {
  return Number(await readFile("/proc/sys/user/max_user_namespaces", "utf8").catch(() => "0")) > 0;
}

/** Reads proc_pid_limits(5): a line for each limit, name, soft, hard and unit set apart by two spaces or more. */
export function parseHardLimits(text: string): Record<string, number> {
  const found: Record<string, number> = {};
  for (const line of text.split("\n")) {
    const [label = "", , hard = ""] = line.trim().split(/\s{2,}/);
    const name = rlimitNames[label];
    if (name !== undefined) found[name] = hard === "unlimited" ? Number.MAX_SAFE_INTEGER : Number(hard);
  }
  return found;
}

async function firstOf(paths: readonly string[]): Promise<string> {
  for (const path of paths) {
    const found = await access(path).then(
      () => true,
      () => false,
    );
    if (found) return path;
  }
  throw new CannotStart(
    `Cannot start: there is no catatonit, which is the first process of every proc, at ${paths.join(", ")}; sharku doctor tells how to install it`,
  );
}
