import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { defaultLimits } from "../../contract/proc.ts";
import { buildBundle, type Confinement } from "../bundle.ts";
import { allFeatures } from "../features.ts";
import { buildRules } from "./build.ts";
import { sandboxRules } from "./rules.ts";

const confinement: Confinement = {
  containerId: "build-1",
  hostname: "build",
  argv: ["/bin/sh"],
  env: {},
  cwd: "/",
  limits: defaultLimits,
  template: { name: "host", version: "1", skeletonDir: "/t/skeleton", binds: [] },
  hostId: 0x21000000,
  cgroupsPath: "/sharku-ab12cd/build-1",
  extraMounts: [],
  host: {
    rlimitHard: {},
    swapAccounting: true,
    initPath: "/usr/bin/catatonit",
    seccompArch: "SCMP_ARCH_X86_64",
    seccompFilter: null,
    // Where a host has none, a build is refused by the runtime rather than done as the host's root.
    userNamespaces: false,
    features: allFeatures,
  },
};

const build = (network: "host" | "none", writableRoot = false) =>
  buildBundle(confinement, buildRules({ network, writableRoot }));

/** What the profile answers to a call, wherever it is listed. */
function answersTo(name: string, config: ReturnType<typeof build>): string[] {
  const rules = config.linux.seccomp?.syscalls ?? [];
  return rules
    .filter(({ names }) => names.includes(name))
    .map(({ action, errnoRet }) => `${action} ${errnoRet ?? ""}`);
}

describe("buildRules()", () => {
  it("maps root to a range that is nobody's, with few capabilities and no way to more", () => {
    const { linux, process } = build("none");
    assert.deepEqual(linux.uidMappings, [{ containerID: 0, hostID: 0x21000000, size: 65_536 }]);
    assert.deepEqual(linux.gidMappings, linux.uidMappings);
    assert.equal(process.noNewPrivileges, true);
    const wide = [
      "CAP_SYS_ADMIN",
      "CAP_SYS_CHROOT",
      "CAP_MKNOD",
      "CAP_NET_ADMIN",
      "CAP_SYS_PTRACE",
      "CAP_SETFCAP",
    ];
    for (const set of Object.values(process.capabilities))
      assert.deepEqual(
        wide.filter((name) => set.includes(name)),
        [],
      );
  });

  it("has a user namespace always, and a network of its own unless it is the host's", () => {
    const types = (network: "host" | "none") => build(network).linux.namespaces.map(({ type }) => type);
    assert.deepEqual(types("none").sort(), ["cgroup", "ipc", "mount", "network", "pid", "user", "uts"]);
    assert.deepEqual(types("host").sort(), ["cgroup", "ipc", "mount", "pid", "user", "uts"]);
  });

  it("never mounts /sys, which would be the host's", () => {
    for (const network of ["host", "none"] as const)
      assert.deepEqual(
        build(network).mounts.filter(({ destination }) => destination.startsWith("/sys")),
        [],
      );
  });

  it("answers requests to wait for the disk without doing so, and refuses what a proc is refused", () => {
    const config = build("none");
    for (const name of ["fsync", "fdatasync", "sync", "syncfs", "sync_file_range"])
      assert.deepEqual(answersTo(name, config), ["SCMP_ACT_ERRNO 0"], name);
    const proc = buildBundle(confinement, sandboxRules);
    assert.deepEqual(answersTo("fsync", proc), ["SCMP_ACT_ALLOW "]);
    for (const name of ["mount", "chroot", "unshare", "ptrace", "bpf", "open"])
      assert.deepEqual(answersTo(name, config), answersTo(name, proc), name);
  });

  it("makes the root writable where the tree itself is stood on, and nowhere else", () => {
    assert.equal(build("none", true).root.readonly, false);
    assert.equal(build("none").root.readonly, true);
  });
});
