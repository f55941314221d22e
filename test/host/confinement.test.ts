import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { runCommand } from "../../src/lib/run-command.ts";
import { PROGRAMS, packDirectory } from "./archive.ts";
import { startDaemon } from "./harness.ts";
import { type Facts, parseFacts } from "./probe-facts.ts";
import { linesOf, runProc, untilExited } from "./proc-calls.ts";

/** What a confined program is answered where it may not: EPERM, or as by a kernel that has no such thing. */
const refusals = ["EPERM", "ENOSYS"];

const ownDevices = ["full", "null", "ptmx", "pts", "random", "shm", "tty", "urandom", "zero"];

test("an app sees nothing and can do nothing beyond its own", async (context) => {
  await using daemon = await startDaemon();
  const { client, places } = daemon;
  const image = (await client.pushImage(await packDirectory(PROGRAMS))).digest;
  const hidden = [
    ...["/root", "/home", "/etc/shadow", "/etc/ssh", "/var/lib/dpkg", "/lost+found", "/run/sharku", "/boot"],
    ...[places.stateDir, join(places.stateDir, "admin.token"), places.runDir, places.socket],
    ...[`/proc/${daemon.pid}`, `/proc/${daemon.pid}/environ`],
  ];
  const masked = [
    ...["/proc/kcore", "/proc/keys", "/proc/timer_list", "/proc/interrupts", "/proc/iomem", "/proc/cmdline"],
    ...["/sys/firmware", "/sys/kernel", "/sys/module", "/sys/block", "/sys/power", "/sys/fs/bpf"],
  ];
  const config = {
    PROBE_PATHS: [...hidden, ...masked].join(","),
    PROBE_PID: String(daemon.pid),
    PROBE_WALK: "1",
    PATH_LIKE: "a value with spaces, 'quotes' and $dollars",
  };
  const spec = { app: "probe", name: "web.1", image, command: ["python3", "probe.py"], config };
  const proc = await runProc(client, spec);
  const { exit } = await untilExited(client, proc.id);
  assert.equal(exit?.code, 0, (await linesOf(client, proc.id)).join("\n"));
  const facts = parseFacts(await linesOf(client, proc.id));
  const free = await probeUnconfined(config);

  await context.test("it is an ordinary user without any capability", () => {
    const { status } = facts;
    assert.deepEqual([status["Uid"], status["Gid"]], [Array(4).fill("1000"), Array(4).fill("1000")]);
    for (const set of ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"])
      assert.deepEqual(status[set], ["0000000000000000"], set);
    assert.deepEqual([status["NoNewPrivs"], status["Seccomp"]], [["1"], ["2"]]);
    assert.notDeepEqual(free.status["CapEff"], ["0000000000000000"], "unconfined it has some");
  });

  await context.test("its environment is its config and what the contract promises", () => {
    const { environment } = facts;
    assert.deepEqual(environment, {
      ...config,
      ...{ PORT: String(proc.port), HOME: "/app", USER: "app", LOGNAME: "app", LANG: "C.UTF-8" },
      ...{ TMPDIR: "/tmp", SHARKU_APP: "probe", SHARKU_PROC: proc.id },
      PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    });
    assert.equal(facts.hostname, "probe-web-1");
    assert.equal(facts.cwd, "/app");
  });

  await context.test("it sees its own processes, its own files and an input at its end", () => {
    assert.deepEqual(facts.pids.slice(0, 1), [1]);
    assert.equal(facts.pids.length, 2, "its init and itself");
    assert.ok(free.pids.length > 2, "unconfined it sees more");
    assert.deepEqual(facts.fds, ["0", "1", "2"]);
    assert.equal(facts.stdin, "ok");
    assert.equal(facts.killHost, "ESRCH");
    assert.equal(free.killHost, "ok");
  });

  await context.test("the host's files are not there", () => {
    for (const path of hidden) assertHidden(path, facts);
    assert.equal(free.seen[join(places.stateDir, "admin.token")], 44);
    assert.equal(typeof free.seen["/etc/shadow"], "number");
  });

  await context.test("what /proc and /sys tell about the host is masked", () => {
    for (const path of masked) assertHidden(path, facts);
    assert.ok(Number(free.seen["/proc/interrupts"]) > 0 && Number(free.seen["/sys/kernel"]) > 0);
  });

  await context.test("it can write nowhere but to /app, /tmp and /dev/shm", () => {
    const devices = ["full", "null", "ptmx", "pts/ptmx", "random", "tty", "urandom", "zero"];
    const allowed = devices.map((name) => `/dev/${name}`);
    assert.deepEqual(
      facts.writable?.filter((path) => !allowed.includes(path)),
      [],
    );
    assert.ok(facts.writable?.includes("/dev/null"), "the walk does find what can be written");
    assert.deepEqual(
      facts.devices.filter((name) => !/^(fd|std|core|mqueue|console)/.test(name)),
      ownDevices,
    );
    assert.equal(facts.chmodNull, "EPERM");
  });

  await context.test("the kernel's wide parts are closed to it", () => {
    for (const [name, answer] of Object.entries(facts.calls))
      assert.ok(refusals.includes(answer), `${name}: ${answer}`);
    for (const [name, answer] of Object.entries(facts.clones))
      assert.ok(refusals.includes(answer), `${name}: ${answer}`);
    for (const [name, answer] of Object.entries(facts.sockets)) assert.equal(answer, "EAFNOSUPPORT", name);
    assert.equal(facts.rawSocket, "EPERM");
    for (const name of ["mount", "unshare", "ptrace", "keyctl", "setns", "chroot", "bpf"])
      assert.ok(!refusals.includes(free.calls[name] ?? "EPERM"), `unconfined, ${name} reaches the kernel`);
    assert.deepEqual(free.clones, { user: "ok", mount: "ok", network: "ok" });
    assert.equal(free.sockets["packet"], "ok");
  });

  await context.test("its limits are what the proc says", () => {
    assert.deepEqual(facts.limits, { RLIMIT_NOFILE: proc.limits.openFiles, RLIMIT_CORE: 1 });
  });
});

/** The same program where nothing confines it: what it cannot do here either proves nothing. */
async function probeUnconfined(config: Record<string, string>): Promise<Facts> {
  const { PROBE_WALK: _, ...rest } = config;
  const env = { ...process.env, ...rest };
  const { stdout } = await runCommand(["python3", join(PROGRAMS, "probe.py")], { env });
  return parseFacts(stdout.split("\n"));
}

/** Not there, closed, or there and empty. */
function assertHidden(path: string, { seen }: Facts): void {
  assert.ok(["ENOENT", "EACCES", "EPERM", 0].includes(seen[path] ?? "untried"), `${path}: ${seen[path]}`);
}
