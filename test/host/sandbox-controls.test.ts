import assert from "node:assert/strict";
import { hostname } from "node:os";
import { test } from "node:test";
import * as calls from "./golden/calls.ts";
import * as golden from "./golden/sandbox.ts";
import { type Lab, openLab } from "./lab.ts";
import { type Neighbour, openNeighbour } from "./neighbour.ts";
import { type Facts, parseFacts } from "./probe-facts.ts";
import { type Protection, without } from "./protections.ts";

/**
 * The negative controls: the probe of confinement.test.ts in the same bundle with protections taken away, where the
 * attack must succeed. A probe that failed here too would prove nothing there.
 */
interface Control {
  readonly title: string;
  readonly gone: readonly Protection[];
  readonly env?: Readonly<Record<string, string>>;
  readonly succeeds: (facts: Facts) => void;
}

/** Root of the host itself, with nothing but namespaces between. */
const plainRoot: readonly Protection[] = [
  ...(["seccomp", "privileges", "ordinary user", "user namespace", "mount flags"] as const),
];

/** The null device, the kernel's messages and a disk. */
const DEVICES = { PROBE_DEVICES: "c:1:3,c:1:11,b:7:0" };

const controls: readonly Control[] = [
  {
    title: "cases 2, 5: without the filter the kernel looks at every call but those it refuses itself",
    gone: ["seccomp"],
    succeeds: (facts) => assertReached(facts, [...calls.needCapability, ...calls.needHost]),
  },
  {
    title: "cases 2, 5: with capabilities too, it looks at all but those for root of the host",
    gone: ["seccomp", "privileges"],
    succeeds: (facts) => assertReached(facts, calls.needHost),
  },
  {
    title: "cases 2, 16: as root of the host, at all that it has",
    gone: plainRoot,
    succeeds: (facts) => assertReached(facts, []),
  },
  {
    title: "case 1: without the rule for privileges it has capabilities and may gain more",
    gone: ["privileges"],
    succeeds: ({ status, rawSocket }) => {
      for (const set of ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"])
        assert.notDeepEqual(status[set], golden.status.CapEff, set);
      assert.deepEqual(status["NoNewPrivs"], ["0"]);
      assert.equal(rawSocket, "ok", "case 15");
    },
  },
  {
    title: "case 1: without a user namespace its ids are the host's",
    gone: ["user namespace"],
    succeeds: ({ idMaps }) => assert.deepEqual(idMaps.uid, [[0, 0, 4294967295]]),
  },
  {
    title: "cases 3, 4, 15: without the filter it has other architectures' calls, namespaces and sockets",
    gone: ["seccomp"],
    succeeds: ({ status, clones, enters, families, foreignCalls, personalities }) => {
      assert.deepEqual(status["Seccomp"], ["0"]);
      assert.deepEqual(
        [clones["user"], clones["user and mount"], enters["unshare user"]],
        ["ok", "ok", "ok"],
      );
      assert.ok("17" in families, "the kernel has packet sockets, and names the reason itself");
      // A kernel without the 32-bit or the x32 ABI answers in its own way; neither kills.
      for (const [name, answer] of Object.entries(foreignCalls)) assert.notEqual(answer, "SIGSYS", name);
      for (const [name, answer] of Object.entries(personalities)) assert.equal(answer, "ok", name);
    },
  },
  {
    title: "cases 4, 15: with capabilities too, every namespace and every socket",
    gone: ["seccomp", "privileges"],
    succeeds: ({ clones, enters, families, rawSocket }) => {
      assert.deepEqual(new Set(Object.values(clones)), new Set(["ok"]));
      // A process enters its own user namespace a second time in no kernel.
      const { "setns user": again, ...others } = enters;
      assert.equal(again, "EINVAL");
      assert.deepEqual(new Set(Object.values(others)), new Set(["ok"]));
      assert.deepEqual([families["17"], rawSocket], ["ok", "ok"]);
    },
  },
  {
    title: "case 6: without a pid namespace it sees the host's processes",
    gone: ["pid namespace"],
    env: { PROBE_PID: String(process.pid) },
    succeeds: ({ pids, killHost }) => {
      assert.ok(pids.includes(process.pid));
      assert.equal(killHost, "EPERM", "found, and still another user's");
    },
  },
  {
    title: "case 6: as root of the host without a pid namespace it can signal them",
    gone: [...plainRoot, "pid namespace"],
    env: { PROBE_PID: String(process.pid) },
    succeeds: ({ killHost }) => assert.equal(killHost, "ok"),
  },
  {
    title: "cases 7, 9: without read-only paths root inside can write to /proc/sys",
    gone: ["read-only paths", "ordinary user"],
    env: { PROBE_WALK: "/proc/sys" },
    succeeds: ({ writable }) => assert.ok(writable.includes("/proc/sys/kernel/shmmax"), writable.join()),
  },
  {
    title: "case 7: without a user namespace too, to how the kernel handles crashes",
    gone: [...plainRoot, "read-only paths"],
    env: { PROBE_WALK: "/proc/sys/kernel" },
    succeeds: ({ writable }) => {
      for (const name of ["core_pattern", "panic"])
        assert.ok(writable.includes(`/proc/sys/kernel/${name}`), name);
    },
  },
  {
    title: "case 8: without read-only cgroups root of the host can change its own limits",
    gone: [...plainRoot, "read-only paths"],
    env: { PROBE_WALK: "/sys/fs/cgroup" },
    succeeds: ({ writable }) => {
      for (const wanted of [/cgroup\.procs$/, /memory\.(limit_in_bytes|max)$/])
        assert.ok(
          writable.some((path) => wanted.test(path)),
          String(wanted),
        );
    },
  },
  {
    title: "cases 9, 20: without the flags of its mounts root inside can write to the template",
    gone: ["mount flags", "ordinary user"],
    // Behind the veil, which lets nobody write by itself.
    env: { PROBE_WALK: "/etc,/run/template/etc" },
    succeeds: ({ writable, mounts, executes }) => {
      assert.ok(writable.includes("/run/template/etc/passwd"));
      for (const [path, words] of Object.entries(golden.mounts))
        if (path in mounts && path !== "/") assert.notEqual(mounts[path], words, path);
      assert.deepEqual([executes["/dev/shm"], executes["/run"], executes["/dev"]], ["ok", "ok", "ok"]);
    },
  },
  {
    title: "case 9: a root that is not read-only is said to be so",
    gone: ["read-only root"],
    succeeds: ({ mounts }) => assert.doesNotMatch(String(mounts["/"]), / ro\b/),
  },
  {
    title: "case 10: without masks all of it is there",
    gone: ["masks"],
    env: { PROBE_KINDS: [...golden.maskedFiles, ...golden.maskedDirectories].join(",") },
    succeeds: ({ kinds }) => {
      const there = Object.entries(kinds).filter(([, kind]) => kind !== "ENOENT");
      assert.ok(there.filter(([, kind]) => kind === "file").length > 5);
      assert.ok(there.filter(([, kind]) => kind === "directory").length > 3);
      for (const [path, kind] of there) assert.notEqual(kind, "null device", path);
    },
  },
  {
    title: "case 17: root of the host makes devices, but opens only harmless ones",
    gone: plainRoot,
    env: DEVICES,
    succeeds: ({ opensDevices }) => {
      assert.deepEqual(Object.values(opensDevices), ["ok", "EPERM at open", "EPERM at open"]);
    },
  },
  {
    title: "case 17: without the device cgroup too, it opens the kernel's messages",
    gone: [...plainRoot, "device cgroup"],
    env: DEVICES,
    succeeds: ({ opensDevices, chmodNull }) => {
      assert.equal(opensDevices["c:1:11"], "ok");
      assert.equal(chmodNull, "ok");
    },
  },
  {
    title: "case 18: without nosuid and no_new_privs a program becomes another user",
    gone: ["mount flags", "privileges"],
    succeeds: ({ setuid }) => {
      for (const [name, answer] of Object.entries(setuid)) assert.equal(answer, "as another", name);
    },
  },
  {
    title: "case 33: without an ipc namespace it sees the host's shared memory",
    gone: ["ipc namespace"],
    succeeds: ({ sharedMemory }) => assert.ok(sharedMemory > 0),
  },
  {
    title: "case 33: without a uts namespace it has the host's name",
    gone: ["uts namespace"],
    succeeds: (facts) => assert.equal(facts.hostname, hostname()),
  },
  {
    title: "case 33: without a cgroup namespace it sees where its cgroup lies",
    gone: ["cgroup namespace"],
    succeeds: ({ cgroupPaths }) => assert.ok(cgroupPaths.some((path) => path.includes("/sharku-lab-"))),
  },
  {
    title: "case 33: without a network namespace it reaches the host's abstract sockets",
    gone: ["network namespace"],
    succeeds: ({ abstract }) => assert.deepEqual(Object.values(abstract), ["ok"]),
  },
  {
    title: "without limits it has those of whoever starts it, and none of memory and processes",
    gone: ["rlimits", "OOM score", "cgroup limits"],
    succeeds: ({ limits, oomScoreAdj, cgroupLimits }) => {
      for (const [name, limit] of Object.entries(golden.limits))
        assert.notDeepEqual(limits[name], limit, name);
      assert.notEqual(oomScoreAdj.is, golden.oomScoreAdj.is);
      assert.notEqual(cgroupLimits.memory, String(512 * 2 ** 20));
      assert.equal(cgroupLimits.pids, "max");
    },
  },
];

test("with a protection taken away, each attack succeeds", async (context) => {
  await using lab = await openLab();
  await using neighbour = await openNeighbour();
  for (const control of controls)
    await context.test(control.title, async () =>
      control.succeeds(await attack(control, { lab, neighbour })),
    );

  await context.test("with none taken away, none does", async () => {
    const facts = await attack({ gone: [], env: DEVICES }, { lab, neighbour });
    assert.deepEqual(facts.status, golden.status);
    assert.deepEqual(facts.clones, golden.clones);
    assert.deepEqual(facts.sharedMemory, 0);
    for (const [name, answer] of Object.entries(facts.calls))
      assert.ok(["EPERM", "ENOSYS"].includes(answer), `${name}: ${answer}`);
  });
});

async function attack(
  { gone, env = {} }: Pick<Control, "gone" | "env">,
  { lab, neighbour }: { lab: Lab; neighbour: Neighbour },
): Promise<Facts> {
  const { lines, stderr } = await lab.run({
    argv: ["python3", "probe.py"],
    env: { PROBE_ABSTRACT: neighbour.abstractSocket, ...env },
    change: without(gone),
  });
  return parseFacts([...lines, ...stderr.split("\n")]);
}

/** Answered by the kernel's own judgement of the arguments, which are nonsense. */
function assertReached({ calls: answers }: Facts, refused: readonly string[]): void {
  const reached = Object.entries(answers).filter(([name]) => !refused.includes(name));
  assert.ok(reached.length > 40);
  for (const [name, answer] of reached) {
    const lacking = answer === "ENOSYS" && calls.mayLack.includes(name);
    assert.ok(lacking || !["EPERM", "ENOSYS"].includes(answer), `${name}: ${answer}`);
  }
}
