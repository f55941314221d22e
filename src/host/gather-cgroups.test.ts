import assert from "node:assert/strict";
import { test } from "node:test";
import { detectCgroups, parseCgroupMounts, parseControllers } from "./gather-cgroups.ts";

const table = [
  "#subsys_name\thierarchy\tnum_cgroups\tenabled",
  "cpu\t1\t2\t1",
  "cpuacct\t1\t2\t1",
  "memory\t4\t12\t0",
  "",
].join("\n");

const mountinfo = [
  "24 1 0:22 / / rw,relatime - ext4 /dev/vda rw",
  "33 24 0:28 / /sys/fs/cgroup/cpu,cpuacct rw,nosuid shared:10 - cgroup cgroup rw,cpu,cpuacct",
  "34 24 0:29 / /sys/fs/cgroup/systemd rw,nosuid shared:11 - cgroup cgroup rw,xattr,name=systemd",
  "35 24 0:30 / /sys/fs/cgroup/unified ro,nosuid shared:12 - cgroup2 cgroup2 rw",
  "36 24 0:31 / /srv/chroot/sys/fs/cgroup rw - cgroup2 cgroup2 rw",
  "",
].join("\n");

test("parseControllers() leaves out what the kernel was told to disable", () => {
  assert.deepEqual(parseControllers(table), [
    { name: "cpu", hierarchy: 1 },
    { name: "cpuacct", hierarchy: 1 },
  ]);
});

test("parseCgroupMounts() finds the controllers of each hierarchy, and no mounts of elsewhere", () => {
  assert.deepEqual(parseCgroupMounts(mountinfo, new Set(["cpu", "cpuacct"])), [
    {
      path: "/sys/fs/cgroup/cpu,cpuacct",
      type: "cgroup",
      readOnly: false,
      controllers: ["cpu", "cpuacct"],
    },
    { path: "/sys/fs/cgroup/systemd", type: "cgroup", readOnly: false, controllers: [] },
    { path: "/sys/fs/cgroup/unified", type: "cgroup2", readOnly: true, controllers: [] },
  ]);
});

test("detectCgroups() tells where the memory of a proc is limited on this machine", async () => {
  const cgroups = await detectCgroups();
  const root = cgroups.version === "v2" ? cgroups.root : cgroups.roots["memory"];
  assert.match(root ?? "", /^\/sys\/fs\/cgroup/);
});
