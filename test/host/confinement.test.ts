import assert from "node:assert/strict";
import { closeSync, openSync } from "node:fs";
import { readFile, readlink } from "node:fs/promises";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { refusedSyscalls } from "../../src/isolation/rules/syscalls.ts";
import { PROGRAMS, packDirectory } from "./archive.ts";
import * as calls from "./golden/calls.ts";
import * as golden from "./golden/sandbox.ts";
import { startDaemon, type TestDaemon } from "./harness.ts";
import { openNeighbour } from "./neighbour.ts";
import { type Facts, parseFacts } from "./probe-facts.ts";
import { linesOf, runProc, untilExited } from "./proc-calls.ts";

/**
 * What a proc finds of its sandbox, held against the golden tables. That each probe would see the protection gone
 * is tried in sandbox-controls.test.ts.
 */

/** gVisor has a test of its own: gvisor.test.ts. */
const runtimes = ["crun", "runc"];

/** Kernel filesystems: of these the type is ours to choose, of others it is that of the host's disk. */
const chosenTypes = ["proc", "tmpfs", "devpts", "sysfs", "overlay"];

const lookedForOnHost = [
  "/root",
  "/home",
  "/etc/shadow",
  "/etc/ssh",
  "/var/lib/dpkg",
  "/lost+found",
  "/boot",
];

/** getpid by the door of 32-bit programs, without a child in between. */
const callAsOf32Bits = "import probe_kernel as k; k.execute(b'\\xb8\\x14\\x00\\x00\\x00\\xcd\\x80\\xc3')";

for (const runtime of runtimes) {
  test(`an app sees nothing and can do nothing beyond its own, by ${runtime}`, async (context) => {
    const secret = "of-the-daemon-only";
    // Not marked to be closed where a program is executed, as a careless caller of the daemon might leave it.
    const extraFile = openSync("/root", "r");
    await using daemon = await startDaemon({ extraFile, env: { SHARKU_CANARY: secret } });
    closeSync(extraFile);
    await using neighbour = await openNeighbour();
    const seen = await probe(daemon, { runtime, abstract: neighbour.abstractSocket });
    await tryIdentity(context, seen);
    await tryKernel(context, seen);
    await tryFiles(context, seen);
  });
}

interface Seen {
  readonly facts: Facts;
  readonly daemon: TestDaemon;
  readonly runtime: string;
  readonly image: string;
  readonly config: Record<string, string>;
  readonly proc: { readonly id: string; readonly port: number | null };
  readonly expected: typeof golden;
}

async function probe(
  daemon: TestDaemon,
  { runtime, abstract }: { runtime: string; abstract: string },
): Promise<Seen> {
  const { client } = daemon;
  const image = (await client.pushImage(await packDirectory(PROGRAMS))).digest;
  const config = {
    PROBE_PATHS: hiddenPaths(daemon).join(","),
    PROBE_KINDS: [...golden.maskedFiles, ...golden.maskedDirectories].join(","),
    PROBE_PID: String(daemon.pid),
    PROBE_DEVICES: "c:1:3,c:1:11,b:7:0",
    PROBE_ABSTRACT: abstract,
    PROBE_WALK: "/",
    PATH_LIKE: "a value with spaces, 'quotes' and $dollars",
  };
  const spec = { app: "probe", name: "web.1", image, command: ["python3", "probe.py"], config, runtime };
  const proc = await runProc(client, spec);
  const { exit } = await untilExited(client, proc.id);
  const lines = await linesOf(client, proc.id);
  assert.equal(exit?.code, 0, lines.join("\n"));
  const expected = { ...golden, ...golden.differences[runtime] };
  return { facts: parseFacts(lines), daemon, runtime, image, config, proc, expected };
}

async function tryIdentity(context: TestContext, { facts, config, proc, expected }: Seen): Promise<void> {
  await context.test("case 1: it is an ordinary user without any capability, and stays one", () => {
    assert.deepEqual(facts.status, expected.status);
  });

  await context.test("case 1: its two ids are its own on the host, and no others are known", () => {
    const [[, root = 0] = []] = facts.idMaps.uid;
    assert.ok(root >= 0x20000000, `${root}`);
    const map = [
      [0, root, 1],
      [1000, root + 1, 1],
    ];
    assert.deepEqual(facts.idMaps, { uid: map, gid: map });
  });

  await context.test("case 11: its environment is its config and what the contract promises", () => {
    const environment = {
      ...config,
      ...{ PORT: String(proc.port), HOME: "/app", USER: "app", LOGNAME: "app", LANG: "C.UTF-8" },
      ...{ TMPDIR: "/tmp", SHARKU_APP: "probe", SHARKU_PROC: proc.id },
      PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    };
    assert.deepEqual(facts.environment, environment);
    assert.deepEqual(facts.initEnvironment, Object.keys(environment).sort());
    assert.equal(facts.cwd, "/app");
  });

  await context.test("case 6: it sees its own processes, and can signal no other", () => {
    assert.equal(facts.pids[0], 1);
    assert.equal(facts.pids.length, 2, "its init and itself");
    assert.equal(facts.killHost, "ESRCH");
    // The kernel takes the signal, and the init of a namespace is not killed by it from within.
    assert.equal(facts.killInit, "ok");
  });

  await context.test("case 12: it holds no file that it has not opened, and its input is at its end", () => {
    assert.deepEqual(facts.fds, ["0", "1", "2"]);
    assert.equal(facts.stdin, "ok");
  });

  await context.test(
    "case 33: every namespace is its own, and nothing of others is seen in them",
    async () => {
      for (const [name, link] of Object.entries(facts.namespaces))
        assert.notEqual(link, await readlink(`/proc/self/ns/${name}`), name);
      assert.equal(Object.keys(facts.namespaces).length, 7);
      assert.equal(facts.hostname, "probe-web-1");
      assert.equal(facts.sharedMemory, 0, "the host has a segment, made for this");
      assert.deepEqual(Object.values(facts.abstract), ["ECONNREFUSED"]);
      assert.deepEqual(facts.cgroupPaths, ["/"]);
    },
  );

  await context.test("its limits are those of the sandbox, and of the proc", () => {
    assert.deepEqual({ ...facts.limits, ...expected.limits }, facts.limits);
    assert.deepEqual(facts.oomScoreAdj, expected.oomScoreAdj);
    assert.deepEqual(facts.cgroupLimits, { memory: String(512 * 2 ** 20), pids: "256" });
  });
}

async function tryKernel(context: TestContext, seen: Seen): Promise<void> {
  const { facts, expected, daemon, image, runtime } = seen;
  await context.test("case 2: the calls that it is refused are refused", () => {
    for (const [name, answer] of Object.entries(facts.calls)) {
      const answers = calls.otherAnswers[name] ?? [calls.REFUSED];
      assert.ok(answers.includes(answer), `${name}: ${answer}`);
    }
  });

  await context.test("case 2: every call of that list is tried, or it is said why not", async () => {
    const tables: unknown = JSON.parse(await readFile(join(PROGRAMS, "syscalls.json"), "utf8"));
    assert.ok(typeof tables === "object" && tables !== null);
    const known = Object.values(tables).flatMap((table) => Object.keys(table));
    const told = [...known, ...Object.keys(calls.untried)];
    assert.deepEqual(
      refusedSyscalls.filter((name) => !told.includes(name)),
      [],
    );
    assert.ok(Object.keys(facts.calls).length > 50);
  });

  await context.test("case 3: calls of other architectures end the caller", () => {
    assert.deepEqual(facts.foreignCalls, expected.foreignCalls);
    assert.deepEqual(facts.personalities, expected.personalities);
  });

  if (process.arch === "x64")
    await context.test("case 3: and where the caller is the app, its end says so", async () => {
      const { id } = await runProc(daemon.client, {
        image,
        runtime,
        command: ["python3", "-c", callAsOf32Bits],
      });
      const { exit } = await untilExited(daemon.client, id);
      assert.deepEqual([exit?.code, exit?.signal, exit?.reason], [159, "SIGSYS", "signaled"]);
    });

  await context.test("case 4: it gets into no other namespace, new or there already", () => {
    assert.deepEqual(facts.clones, expected.clones);
    assert.deepEqual(facts.enters, expected.enters);
  });

  await context.test("case 5: it mounts nothing and changes no root", () => {
    const names = [
      "mount",
      "umount2",
      "fsopen",
      "fsmount",
      "open_tree",
      "move_mount",
      "pivot_root",
      "chroot",
    ];
    for (const name of names) assert.equal(facts.calls[name] ?? "EPERM", "EPERM", name);
  });

  await context.test("case 15: it has sockets of four families, and no raw ones", () => {
    assert.deepEqual(facts.families, expected.families);
    assert.equal(facts.rawSocket, "EPERM");
  });

  await context.test("case 16: the kernel's messages, memory, symbols and keys are closed", () => {
    for (const name of ["syslog", "keyctl", "add_key", "request_key"])
      assert.equal(facts.calls[name], "EPERM", name);
    for (const name of ["kmsg", "mem", "port"]) assert.ok(!(name in facts.devices), name);
  });
}

async function tryFiles(context: TestContext, { facts, daemon, expected }: Seen): Promise<void> {
  await context.test("the host's files are not there", () => {
    for (const path of hiddenPaths(daemon))
      assert.ok(
        ["ENOENT", "EACCES", 0].includes(facts.seen[path] ?? "untried"),
        `${path}: ${facts.seen[path]}`,
      );
  });

  await context.test(
    "cases 7, 8, 9: it can write nowhere but to /app, /tmp, /dev/shm and harmless devices",
    () => {
      const masks = new Set(Object.keys(facts.kinds).filter((path) => facts.kinds[path] === "null device"));
      assert.deepEqual(
        facts.writable.filter((path) => !masks.has(path)),
        expected.writable,
      );
    },
  );

  await context.test("case 10: what /proc and /sys tell about the host is masked", () => {
    const there = Object.entries(facts.kinds).filter(([, kind]) => kind !== "ENOENT");
    for (const [path, kind] of there)
      assert.equal(kind, expected.maskedFiles.includes(path) ? "null device" : "empty directory", path);
    assert.ok(there.length > 10, "this kernel has some of them");
  });

  await context.test("case 17: its devices are the harmless ones, and it makes no others", () => {
    assert.deepEqual(facts.devices, expected.devices);
    for (const [device, answer] of Object.entries(facts.opensDevices))
      assert.match(answer, /^(EPERM|EACCES) at mknod$/, device);
    assert.equal(facts.chmodNull, "EPERM");
  });

  await context.test("case 18: programs that run as root for others run as the app", () => {
    assert.ok(Object.keys(facts.setuid).length > 0, "the template has such programs");
    for (const [name, answer] of Object.entries(facts.setuid)) assert.equal(answer, "as 1000", name);
    assert.deepEqual(facts.executes, expected.executes);
  });

  await context.test("case 20: each mount has its flags", () => {
    const own = Object.entries(facts.mounts).filter(([path]) => !isCover(path));
    assert.deepEqual(Object.fromEntries(own.map(([path, words]) => [path, flagsOf(words)])), expected.mounts);
    const cgroups = Object.entries(facts.mounts).filter(([path]) => path.startsWith("/sys/fs/cgroup"));
    assert.ok(cgroups.length > 0);
    for (const [path, words] of cgroups) assert.match(words, / ro\b/, path);
  });
}

function hiddenPaths({ places, pid }: TestDaemon): string[] {
  return [
    ...lookedForOnHost,
    ...["/run/sharku", places.stateDir, join(places.stateDir, "admin.token"), places.runDir, places.socket],
    ...[`/proc/${pid}`, `/proc/${pid}/environ`],
  ];
}

/** A mount on top of something of the kernel's: a mask, a read-only path, a device, a hierarchy of cgroups. */
function isCover(path: string): boolean {
  return /^\/(?:proc|sys)\/./.test(path) || /^\/dev\/(?!pts$|shm$)/.test(path);
}

function flagsOf(words: string): string {
  const [type = "", ...flags] = words.split(" ");
  return [...(chosenTypes.includes(type) ? [type] : []), ...flags].join(" ");
}
