import assert from "node:assert/strict";
import { test } from "node:test";
import { type HostFacts, type ToolFacts, type ToolName, toolNames } from "./facts.ts";
import { type CheckResult, cures, judge, runChecks } from "./host.ts";

/** The facts of several kinds of hosts, and what is to be said of each. */
const v2Controllers = ["cpuset", "cpu", "io", "memory", "hugetlb", "pids", "rdma", "misc"];
const v1Names = ["cpu", "cpuacct", "cpuset", "memory", "devices", "freezer", "blkio", "pids"];

const v2Systemd: HostFacts = {
  uid: 0,
  nodeVersion: "24.21.0",
  kernel: "6.1.0-18-amd64",
  packageManager: "apt-get",
  tools: tools({
    crun: "crun version 1.8.1",
    conmon: "conmon version 2.1.6",
    nft: "nftables v1.0.6 (Lester Gooch #5)",
    tar: "tar (GNU tar) 1.34",
  }),
  cgroups: {
    mounts: [{ path: "/sys/fs/cgroup", type: "cgroup2", readOnly: false, controllers: [] }],
    v2Controllers,
    kernelControllers: v1Names.map((name) => ({ name, hierarchy: 0 })),
  },
  filesystems: ["proc", "overlay", "ext4"],
  overlayLoads: false,
  userNamespacesMax: 63_000,
  seccompActions: "kill_process kill_thread trap errno user_notif trace log allow",
  network: {
    nft: { works: true, output: '{"nftables": [{"metainfo": {"version": "1.0.6"}}]}' },
    linkTrial: { works: true, output: "" },
    ipForward: true,
    ephemeralPorts: [32_768, 60_999],
    reservedPorts: "",
    portRange: [10_000, 19_999],
  },
  diskTrial: { works: true, output: "" },
  stateDir: {
    path: "/var/lib/sharku",
    parents: [
      { path: "/", mode: 0o755 },
      { path: "/var", mode: 0o755 },
      { path: "/var/lib", mode: 0o755 },
    ],
    filesystem: "ext4",
    freeBytes: 50e9,
  },
  usr: { filesystem: "ext4" },
  interpreters: [
    { name: "node", inTemplate: "/usr/bin/node", onPath: "/usr/bin/node" },
    { name: "python3", inTemplate: "/usr/bin/python3", onPath: "/usr/bin/python3.11" },
  ],
};

const v1Mounts = v1Names.map((name) => ({
  path: `/sys/fs/cgroup/${name}`,
  type: "cgroup" as const,
  readOnly: false,
  controllers: [name],
}));

const v1: HostFacts = {
  ...v2Systemd,
  cgroups: {
    mounts: v1Mounts,
    v2Controllers: null,
    kernelControllers: v1Names.map((name, index) => ({ name, hierarchy: index + 1 })),
  },
};

const hybrid: HostFacts = {
  ...v1,
  cgroups: {
    mounts: [
      ...v1Mounts,
      { path: "/sys/fs/cgroup/unified", type: "cgroup2", readOnly: false, controllers: [] },
    ],
    v2Controllers: ["hugetlb"],
    kernelControllers: [...v1.cgroups.kernelControllers, { name: "hugetlb", hierarchy: 0 }],
  },
};

test("judge() finds nothing wrong on Debian 12 with systemd", () => {
  assert.deepEqual(open(v2Systemd), []);
});

test("judge() is content with an overlayfs that is not loaded yet, where the kernel loads it by itself", () => {
  const fresh = { ...v2Systemd, filesystems: ["proc", "ext4"] };
  assert.deepEqual(open({ ...fresh, overlayLoads: true }), []);
  assert.deepEqual(cures(open(fresh)).commands, [["sh", "-c", "modprobe overlay"]]);
});

test("judge() finds nothing wrong on a host with cgroup v1", () => {
  assert.deepEqual(open(v1), []);
});

test("judge() mounts as v1 what a hybrid host has left in the v2 tree", () => {
  const results = open(hybrid);
  assert.equal(results.length, 1);
  const [result] = results;
  assert.equal(result?.name, "hybrid cgroups");
  assert.match(result?.cure ?? "", /mount -t cgroup -o hugetlb cgroup \/sys\/fs\/cgroup\/hugetlb/);
  assert.deepEqual(cures(results).commands, [["sh", "-c", result?.cure]]);
});

test("judge() is content with a hybrid host whose v2 tree is empty", () => {
  assert.deepEqual(open({ ...hybrid, cgroups: { ...hybrid.cgroups, v2Controllers: [] } }), []);
});

test("judge() leaves a controller that only v2 can have to a person", () => {
  const results = open({ ...hybrid, cgroups: { ...hybrid.cgroups, v2Controllers: ["dmem"] } });
  assert.match(results[0]?.cure ?? "", /cgroup_disable=dmem/);
  assert.deepEqual(
    cures(results).byHand.map(({ name }) => name),
    ["hybrid cgroups"],
  );
});

test("judge() names the controllers that a v2 host lacks", () => {
  const [result] = open({ ...v2Systemd, cgroups: { ...v2Systemd.cgroups, v2Controllers: ["cpu", "pids"] } });
  assert.equal(result?.found, "v2 without memory");
  assert.match(result?.cure ?? "", /cgroup_enable=memory/);
});

test("judge() mounts v2 where nothing is mounted and no controller is bound to v1", () => {
  const [result] = open({ ...v2Systemd, cgroups: { ...v2Systemd.cgroups, mounts: [], v2Controllers: null } });
  assert.match(result?.cure ?? "", /mount -t cgroup2 cgroup2 \/sys\/fs\/cgroup/);
});

test("judge() says that cgroups are read-only, as in a container without rights", () => {
  const mounts = v2Systemd.cgroups.mounts.map((mount) => ({ ...mount, readOnly: true }));
  const [result] = open({ ...v2Systemd, cgroups: { ...v2Systemd.cgroups, mounts } });
  assert.equal(result?.found, "/sys/fs/cgroup is read-only");
  assert.equal(result?.status, "fail");
});

test("judge() gathers the packages that are missing, by the distribution's own names", () => {
  const bare = { ...v2Systemd.tools, crun: null, nft: null, ip: null, xz: null, nsenter: null };
  const packagesOn = (packageManager: HostFacts["packageManager"]) =>
    cures(judge({ ...v2Systemd, packageManager, tools: bare })).packages;
  assert.deepEqual(packagesOn("apt-get"), ["crun", "iproute2", "nftables", "util-linux", "xz-utils"]);
  assert.deepEqual(packagesOn("dnf"), ["crun", "iproute", "nftables", "util-linux", "xz"]);
  assert.deepEqual(packagesOn("apk"), ["crun", "iproute2", "nftables", "util-linux-misc", "xz"]);
});

test("judge() tells what stands on a WSL-like host without nf_tables and without python3", () => {
  const results = open({
    ...v2Systemd,
    network: { ...v2Systemd.network, nft: { works: false, output: "Operation not supported" } },
    interpreters: [
      { name: "node", inTemplate: null, onPath: "/home/frodo/.nvm/versions/node/v20.1.0/bin/node" },
      { name: "python3", inTemplate: null, onPath: null },
    ],
  });
  assert.deepEqual(
    results.map(({ name, status }) => [name, status]),
    [
      ["nf_tables", "fail"],
      ["node for procs", "warn"],
      ["python3 for procs", "warn"],
    ],
  );
  assert.match(results[1]?.cure ?? "", /cp \/home\/frodo\/.*\/bin\/node \/usr\/local\/bin\/node/);
  assert.deepEqual(results[2]?.packages, ["python3"]);
});

test("judge() refuses a tar that is not GNU's and a crun that is too old", () => {
  const tooOld = {
    ...v2Systemd.tools,
    crun: { path: "/usr/bin/crun", version: "crun version 0.17" },
    tar: { path: "/bin/tar", version: "bsdtar 3.6.2 - libarchive 3.6.2" },
  };
  const results = open({ ...v2Systemd, tools: tooOld });
  assert.deepEqual(
    results.map(({ name, packages }) => [name, packages]),
    [
      ["crun", []],
      ["tar", ["tar"]],
    ],
  );
});

test("judge() refuses filesystems that cannot map owners", () => {
  const results = open({
    ...v2Systemd,
    usr: { filesystem: "overlay" },
    stateDir: { ...v2Systemd.stateDir, filesystem: "tmpfs" },
  });
  assert.deepEqual(
    results.map(({ name, status }) => [name, status]),
    [
      ["mapped owners on /usr", "fail"],
      ["mapped owners on /var/lib/sharku", "fail"],
    ],
  );
  assert.match(results[1]?.cure ?? "", /Linux 6\.6 or newer/);
});

test("judge() names the directory above the state that others cannot search", () => {
  const parents = [
    { path: "/", mode: 0o755 },
    { path: "/root", mode: 0o700 },
  ];
  const [result] = open({ ...v2Systemd, stateDir: { ...v2Systemd.stateDir, parents } });
  assert.match(result?.found ?? "", /^\/root cannot be searched by others/);
});

test("judge() sees a port range among the kernel's own, unless it is reserved", () => {
  const network = { ...v2Systemd.network, portRange: [40_000, 41_000] as const };
  assert.match(open({ ...v2Systemd, network })[0]?.cure ?? "", /ip_local_reserved_ports=40000-41000/);
  const reserved = { ...network, reservedPorts: "4000,39000-42000" };
  assert.deepEqual(open({ ...v2Systemd, network: reserved }), []);
});

test("judge() names a foreign firewall that drops what is forwarded, and not our own", () => {
  const chain = { family: "ip", name: "FORWARD", hook: "forward", policy: "drop" };
  const output = JSON.stringify({
    nftables: [{ chain: { ...chain, table: "filter" } }, { chain: { ...chain, table: "sharku-0a1b2c" } }],
  });
  const network = { ...v2Systemd.network, nft: { works: true, output } };
  const [result, ...more] = open({ ...v2Systemd, network });
  assert.equal(result?.found.split(" drops ")[0], "ip filter FORWARD");
  assert.deepEqual(more, []);
});

test("judge() tells an ordinary user what cannot be seen, and judges nothing unseen", () => {
  const network = { ...v2Systemd.network, nft: null, linkTrial: null };
  assert.deepEqual(
    open({ ...v2Systemd, uid: 1000, network }).map(({ name, status }) => [name, status]),
    [["root", "warn"]],
  );
});

test("judge() warns where nothing can bound an /app, and says what is missing", () => {
  const refused = { works: false, output: "mount: failed to set up a loop device" };
  const [result, ...more] = open({ ...v2Systemd, diskTrial: refused });
  assert.deepEqual([result?.name, result?.status, more], ["limit of /app", "warn", []]);
  assert.match(result?.found ?? "", /loop device$/);
  const without = open({ ...v2Systemd, tools: { ...v2Systemd.tools, mke2fs: null }, diskTrial: null });
  assert.deepEqual(
    without.map(({ name, status, packages }) => [name, status, packages]),
    [["mke2fs", "warn", ["e2fsprogs"]]],
  );
});

test("judge() warns when the disk gets full, then refuses", () => {
  const withFree = (freeBytes: number) => ({
    ...v2Systemd,
    stateDir: { ...v2Systemd.stateDir, freeBytes },
  });
  assert.equal(open(withFree(1e9))[0]?.status, "warn");
  assert.equal(open(withFree(1e8))[0]?.status, "fail");
});

test("runChecks() looks at this machine and names each check once", async () => {
  const results = await runChecks();
  assert.deepEqual(results.find(({ name }) => name === "node")?.status, "ok");
  const names = results.map(({ name }) => name);
  assert.equal(new Set(names).size, names.length);
  assert.deepEqual(JSON.parse(JSON.stringify(results)), results);
});

function open(facts: HostFacts): CheckResult[] {
  return judge(facts).filter(({ status }) => status !== "ok");
}

function tools(versions: Partial<Record<ToolName, string>>): Record<ToolName, ToolFacts> {
  const all = toolNames.map((name) => [name, { path: `/usr/bin/${name}`, version: versions[name] ?? "" }]);
  // One entry for each name of the list, by construction.
  return Object.fromEntries(all) as Record<ToolName, ToolFacts>;
}

test("judge() lets runtimes of choice be absent, but not where the tests are to run", () => {
  const facts = { ...v2Systemd, tools: { ...v2Systemd.tools, runc: null, runsc: null, bsdtar: null } };
  assert.deepEqual(cures(judge(facts)).packages, []);
  assert.match(judge(facts).find(({ name }) => name === "runsc")?.found ?? "", /^not here/);
  assert.deepEqual(cures(judge(facts, { forTests: true })).packages, ["libarchive-tools", "runc", "runsc"]);
  assert.equal(
    judge(facts).find(({ name }) => name === "bsdtar"),
    undefined,
  );
});
