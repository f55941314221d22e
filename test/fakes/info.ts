/** What a fake daemon says of itself. */
export function fakeInfo(count: number): object {
  return {
    name: "fake",
    version: "0.0.0",
    instance: "abcdef",
    startedAt: "2026-01-01T00:00:00.000Z",
    portRange: "10000-19999",
    addresses: ["127.0.0.1:7420"],
    runtime: { name: "crun", version: "1.8.1" },
    runtimes: [
      {
        ...{ name: "crun", path: "/usr/bin/crun", version: "1.8.1", usable: true, isDefault: true },
        features: { mappedBinds: true },
        problems: ["a fault of old"],
      },
      {
        ...{ name: "runc", path: "/usr/sbin/runc", version: "1.1.5", usable: true, isDefault: false },
        features: { mappedBinds: false, overlayMounts: true },
        problems: [],
      },
    ],
    cgroup: "v2",
    appDisk: { kind: "image", reason: "each on a disk image of its own, by loop devices" },
    procs: { running: count },
  };
}
