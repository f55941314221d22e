import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { defaultLimits } from "../contract/proc.ts";
import { buildBundle, type Confinement, emptyBundle } from "./bundle.ts";
import { allFeatures } from "./features.ts";
import { parseHardLimits } from "./host-facts.ts";
import { sandboxRules } from "./rules/rules.ts";
import { allowedSyscalls, refusedSyscalls } from "./rules/syscalls.ts";

const confinement: Confinement = {
  containerId: "r1",
  hostname: "shop-web-1",
  argv: ["/bin/sh", "-c", "true"],
  env: { PATH: "/usr/bin", TOKEN: "a=b c" },
  cwd: "/app",
  limits: defaultLimits,
  template: {
    name: "host",
    version: "1",
    skeletonDir: "/t/skeleton",
    binds: [{ source: "/usr", destination: "/usr" }],
  },
  hostId: 0x20000000,
  cgroupsPath: "/sharku-ab12cd/r1",
  extraMounts: [{ destination: "/app", type: "overlay", source: "overlay", options: [] }],
  host: {
    rlimitHard: { RLIMIT_NOFILE: 1024, RLIMIT_CORE: 0 },
    swapAccounting: true,
    initPath: "/usr/bin/catatonit",
    seccompArch: "SCMP_ARCH_X86_64",
    seccompFilter: null,
    userNamespaces: true,
    features: allFeatures,
  },
};

describe("buildBundle() for a runtime that maps no owners", () => {
  const features = { ...allFeatures, mappedBinds: false, tmpfsModes: false };
  const optionsAt = (destination: string, userNamespaces: boolean) => {
    const host = { ...confinement.host, features, userNamespaces };
    const { mounts } = buildBundle({ ...confinement, host }, sandboxRules);
    return mounts.find((mount) => mount.destination === destination)?.options ?? [];
  };

  it("closes what is mounted below a directory, and takes a file for the file that it is", () => {
    const binds = ["/run/template/usr", "/run/init"].map((path) => optionsAt(path, true));
    assert.deepEqual(
      binds.map((options) => [options.includes("rbind"), options.includes("rro"), options.includes("ro")]),
      [
        [true, true, true],
        [false, false, true],
      ],
    );
  });

  it("gives what all may write to to the app, by the id that it has there", () => {
    assert.ok(optionsAt("/tmp", true).includes("uid=1000"));
    assert.ok(optionsAt("/tmp", false).includes(`uid=${0x20000001}`));
  });
});

describe("buildBundle()", () => {
  const config = buildBundle(confinement, sandboxRules);

  it("leaves the bundle that a rule is given as it was", () => {
    const before = emptyBundle(confinement);
    const text = JSON.stringify(before);
    for (const rule of sandboxRules) rule(before, confinement);
    assert.equal(JSON.stringify(before), text);
  });

  it("gives the container two ids and no privilege", () => {
    assert.deepEqual(
      config.linux.uidMappings.map(({ containerID, hostID, size }) => [containerID, hostID, size]),
      [
        [0, 0x20000000, 1],
        [1000, 0x20000001, 1],
      ],
    );
    assert.deepEqual(config.linux.gidMappings, config.linux.uidMappings);
    assert.deepEqual(Object.values(config.process.capabilities).flat(), []);
    assert.equal(Object.keys(config.process.capabilities).length, 5);
    assert.equal(config.process.noNewPrivileges, true);
    assert.deepEqual(config.process.user, { uid: 1000, gid: 1000, umask: 0o022 });
    assert.equal(config.root.readonly, true);
    assert.deepEqual(config.linux.resources.devices, [{ allow: false, access: "rwm" }]);
  });

  it("has all seven namespaces made anew", () => {
    assert.deepEqual(config.linux.namespaces.map(({ type }) => type).sort(), [
      "cgroup",
      "ipc",
      "mount",
      "network",
      "pid",
      "user",
      "uts",
    ]);
    assert.ok(config.linux.namespaces.every((namespace) => !("path" in namespace)));
  });

  it("mounts nothing of the host writable, and everything nosuid", () => {
    for (const { destination, type, options } of config.mounts.slice(0, -1)) {
      assert.ok(options.includes("nosuid"), destination);
      if (type === "bind")
        for (const word of ["ro", "nodev", "private"])
          assert.ok(options.includes(word), `${destination}: ${word}`);
    }
  });

  it("puts the app on top of the template, and the template on top of the kernel's filesystems", () => {
    const order = config.mounts.map(({ destination }) => destination);
    assert.ok(order.indexOf("/proc") < order.indexOf("/usr"));
    assert.equal(order.at(-1), "/app");
    assert.deepEqual(config.process.args, ["/run/init", "--", "/bin/sh", "-c", "true"]);
  });

  it("raises no limit above the daemon's own", () => {
    const limits = Object.fromEntries(config.process.rlimits.map(({ type, hard }) => [type, hard]));
    assert.deepEqual([limits["RLIMIT_NOFILE"], limits["RLIMIT_CORE"]], [1024, 0]);
    assert.equal(limits["RLIMIT_MSGQUEUE"], 0);
  });

  it("names swap only where it can be limited", () => {
    assert.equal(config.linux.resources.memory?.swap, defaultLimits.memoryBytes);
    const host = { ...confinement.host, swapAccounting: false };
    const without = buildBundle({ ...confinement, host }, sandboxRules);
    assert.ok(!("swap" in (without.linux.resources.memory ?? {})));
  });

  it("keeps a config value as it is, whatever is in it", () => {
    assert.ok(config.process.env.includes("TOKEN=a=b c"));
  });
});

describe("the system calls", () => {
  const profile = buildBundle(confinement, sandboxRules).linux.seccomp;

  it("are each in one list only", () => {
    const names = [...allowedSyscalls, ...refusedSyscalls, "clone", "clone3", "socket", "personality"];
    assert.deepEqual(
      names.filter((name, at) => names.indexOf(name) !== at),
      [],
    );
  });

  it("are of the native architecture only, and refused unless listed", () => {
    assert.deepEqual(profile?.architectures, ["SCMP_ARCH_X86_64"]);
    assert.equal(profile?.defaultAction, "SCMP_ACT_ERRNO");
  });

  it("allow no socket of a family that no namespace confines", () => {
    const allowed = profile?.syscalls.filter(
      ({ names, action }) => names.includes("socket") && action === "SCMP_ACT_ALLOW",
    );
    assert.deepEqual(
      allowed?.map(({ args }) => args?.[0]?.value),
      [1, 2, 10, 16],
    );
  });

  it("allow none of those that reach beyond the program", () => {
    const dangerous =
      "mount unshare setns ptrace keyctl bpf perf_event_open io_uring_setup init_module kexec_load";
    for (const name of dangerous.split(" ")) assert.ok(!allowedSyscalls.includes(name), name);
  });
});

describe("parseHardLimits()", () => {
  it("reads the kernel's table", () => {
    const text = [
      "Limit                     Soft Limit           Hard Limit           Units     ",
      "Max core file size        0                    unlimited            bytes     ",
      "Max open files            1024                 1048576              files     ",
    ].join("\n");
    assert.deepEqual(parseHardLimits(text), {
      RLIMIT_CORE: Number.MAX_SAFE_INTEGER,
      RLIMIT_NOFILE: 1048576,
    });
  });
});
