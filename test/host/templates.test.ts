import assert from "node:assert/strict";
import { chmod, chown, copyFile, mkdir, readdir, rename, stat, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import type { TemplateSpec } from "../../src/contract/template.ts";
import { runCommand } from "../../src/lib/run-command.ts";
import { until } from "../until.ts";
import { packDirectory } from "./archive.ts";
import { isSharkuError } from "./expect-error.ts";
import { startDaemon } from "./harness.ts";
import { assertSame, takeLedger } from "./ledger.ts";
import { isGone, linesOf, runProc, untilExited } from "./proc-calls.ts";
import { pidsWhere, readProc } from "./processes.ts";
import { hashTree, outputOn, refusal, versionsDir } from "./template-calls.ts";
import { makeTinyRoot } from "./tiny-root.ts";

/** What the daemon promises of templates, as far as it needs no mirror. */

test("an archive becomes a template that nobody changes, and whose files nobody of the host reaches", async (context) => {
  await using root = await makeTinyRoot();
  await using daemon = await startDaemon();
  const { client } = daemon;
  await writeFile(join(root.path, "usr/bin/setuid"), "#!/bin/sh\n", { mode: 0o755 });
  await chmod(join(root.path, "usr/bin/setuid"), 0o6755);
  await writeFile(join(root.path, "etc/of-33"), "");
  await chown(join(root.path, "etc/of-33"), 33, 33);
  const box = await client.putTemplateArchive("box", await packDirectory(root.path));
  const dir = join(versionsDir(daemon, "box"), String(box.version));
  const before = await hashTree(dir);

  await context.test("it says what it is", async () => {
    assert.deepEqual([box.kind, box.state, box.procs, box.build], ["archive", "ready", 0, null]);
    assert.match(box.source.archive?.digest ?? "", /^sha256:[0-9a-f]{64}$/);
    assert.ok(
      Number(box.files) > 10 && Number(box.bytes) > 100_000,
      `${box.files} files, ${box.bytes} bytes`,
    );
    const marks = Object.fromEntries(box.checks.map(({ name, status }) => [name, status]));
    assert.deepEqual(marks["starts"], "ok");
    assert.deepEqual(marks["certificates"], "warn");
    assert.deepEqual(await client.getTemplate("box"), box);
  });

  await context.test("files keep their owners, and no setuid bit stays", async () => {
    const { uid, gid } = await stat(join(dir, "rootfs/etc/of-33"));
    assert.deepEqual([uid, gid], [33, 33]);
    assert.equal((await stat(join(dir, "rootfs/usr/bin/setuid"))).mode & 0o7777, 0o755);
    assert.equal((await stat(join(dir, "rootfs"))).mode & 0o777, 0o700);
  });

  await context.test("procs run on it and write nothing to it", async () => {
    const tries = ["/x", "/etc/x", "/usr/bin/sh", "/root/x", "/etc/hosts", "/etc/resolv.conf"]
      .map((path) => `(: 2>/dev/null >>${path}) 2>/dev/null && echo wrote ${path}`)
      .join("; ");
    const lines = await outputOn(client, "box", `${tries}; : >/app/x && : >/tmp/x && echo well`);
    assert.deepEqual(lines, ["well"]);
    assert.equal(await hashTree(dir), before);
  });
});

test("an archive in which all is root's is opened for gVisor, with nothing that is more than it seems", async (context) => {
  await using root = await makeTinyRoot();
  await using daemon = await startDaemon();
  const { client } = daemon;
  const [special, wide] = [join(root.path, "usr/bin/special"), join(root.path, "usr/wide")];
  await copyFile(join(root.path, "usr/bin/ls"), special);
  await chmod(special, 0o6777);
  await mkdir(wide);
  await chmod(wide, 0o2777);
  const body = await packDirectory(root.path);
  const { version } = await client.putTemplateArchive("box", body);
  const tree = join(versionsDir(daemon, "box"), String(version), "rootfs");

  await context.test(
    "its files are searchable, writable for root alone, and without a setuid bit",
    async () => {
      const modes = await Promise.all(
        ["", "usr/bin/special", "usr/wide"].map(async (path) => (await stat(join(tree, path))).mode & 0o6777),
      );
      assert.deepEqual(modes, [0o711, 0o755, 0o2755]);
    },
  );

  await context.test("a proc by runsc answers", async () => {
    const { id } = await client.createProc({
      ...{ app: "test", name: "one", template: "box", runtime: "runsc", command: "echo well" },
    });
    const { exit } = await untilExited(client, id);
    assert.deepEqual([exit?.code, await linesOf(client, id)], [0, ["well"]], exit?.message);
    await client.deleteProc(id);
    await until("it is gone", () => isGone(client, id));
  });

  await context.test("capabilities of a file of the host are not copied", async () => {
    // cap_net_raw, permitted and effective: capabilities(7), version 2 of the attribute.
    const value = "0100000200200000000000000000000000000000";
    const give = `import os; os.setxattr("${special}", "security.capability", bytes.fromhex("${value}"))`;
    await runCommand(["python3", "-c", give]);
    await client.createTemplate({ name: "place", directory: { path: root.path } });
    const copy = await client.createTemplate({ name: "copy", from: { template: "place" } });
    const copied = join(versionsDir(daemon, "copy"), String(copy.version), "rootfs/usr/bin/special");
    const list = 'import os, sys; print([os.listxattr(path) for path in sys.argv[1:]], end="")';
    const { stdout } = await runCommand(["python3", "-c", list, special, copied]);
    assert.equal(stdout, "[['security.capability'], []]");
  });
});

test("a next version leaves procs on the last, which goes when they end", async () => {
  await using root = await makeTinyRoot();
  await using daemon = await startDaemon();
  const { client } = daemon;
  await writeFile(join(root.path, "etc/which"), "first\n");
  const first = await client.putTemplateArchive("box", await packDirectory(root.path));
  const proc = await runProc(client, {
    template: "box",
    command: "while read line </etc/which; do echo $line >/app/seen; done",
  });
  await writeFile(join(root.path, "etc/which"), "second\n");
  const body = await packDirectory(root.path);
  assert.equal((await refusal(client.putTemplateArchive("box", body))).code, "template-exists");
  const second = await client.putTemplateArchive("box", body, { replace: true });
  assert.deepEqual(
    second.versions.map(({ version, procs }) => [version, procs]),
    [
      [second.version, 0],
      [first.version, 1],
    ],
  );
  assert.deepEqual(await outputOn(client, "box", "read line </etc/which; echo $line"), ["second"]);
  await daemon.kill9();
  await daemon.start();
  assert.equal((await client.getProc(proc.id)).state, "running");
  assert.equal((await client.getTemplate("box")).versions.length, 2);

  const refused = await refusal(client.deleteTemplate("box"));
  assert.equal(refused.code, "template-in-use");
  assert.match(refused.message, new RegExp(proc.id));
  await client.deleteProc(proc.id, { graceMs: 0 });
  await until("the old version is gone", async () => {
    const left = await readdir(versionsDir(daemon, "box"));
    return left.length === 1 && left[0] === second.version;
  });
  await client.deleteTemplate("box");
  await assert.rejects(client.deleteTemplate("box"), (error) => isSharkuError(error, "template-not-found"));
  await assert.rejects(readdir(versionsDir(daemon, "box")), { code: "ENOENT" });
});

test("a script changes a copy of a template, as its root and as nobody of the host", async (context) => {
  await using root = await makeTinyRoot();
  await using daemon = await startDaemon();
  const { client } = daemon;
  const base = await client.putTemplateArchive("base", await packDirectory(root.path));
  const baseDir = join(versionsDir(daemon, "base"), String(base.version));
  const before = await hashTree(baseDir);
  const build = (script: string, more: Partial<TemplateSpec["from"]> = {}) =>
    client.createTemplate({ name: "more", replace: true, from: { template: "base", script, ...more } });

  await context.test("what it writes is in the new one only", async () => {
    const messages: string[] = [];
    const made = await client.createTemplate(
      {
        name: "more",
        from: { template: "base", network: "none", script: "echo hello; echo 1 >/etc/one; : >/root/x" },
      },
      { onProgress: ({ message }) => messages.push(message) },
    );
    assert.deepEqual(made.source.from?.version, base.version);
    assert.ok(messages.includes("hello"), messages.join(", "));
    assert.deepEqual(await outputOn(client, "more", "read line </etc/one; echo $line"), ["1"]);
    assert.equal(await hashTree(baseDir), before);
    assert.equal(JSON.stringify(made).includes("hello"), false, "the text of a script is not shown");
  });

  await context.test("its words are told where it fails", async () => {
    const error = await refusal(build("echo so it goes; exit 3"));
    assert.equal(error.code, "build-failed");
    assert.match(error.message, /code 3: so it goes/);
    const amid = await refusal(build("echo first; false; echo second"));
    assert.match(amid.message, /code 1: first$/);
  });

  await context.test("what it makes at the top is refused, not lost in silence", async () => {
    assert.match((await refusal(build(": >/data"))).message, /"\/data"/);
  });

  await context.test("it has no network where it is given none, and no right over the host", async () => {
    const probe =
      "while read -r name rest; do case $name in *:) echo net $name;; esac; done </proc/net/dev;" +
      "while read -r name value; do case $name in Cap[EP]*|NoNew*|Seccomp:|Uid:) echo $name $value;; esac; done </proc/self/status;" +
      "(: >/proc/sys/kernel/hostname) 2>/dev/null && echo wrote; exit 1";
    const { message } = await refusal(build(probe, { network: "none" }));
    assert.deepEqual(message.match(/net \w+:/g), ["net lo:"]);
    assert.match(message, /CapEff: 00000000000000fb/);
    assert.match(message, /NoNewPrivs: 1/);
    assert.match(message, /Seccomp: 2/);
    assert.equal(message.includes("wrote"), false);
  });

  await context.test("its root has an id of its own on the host", async () => {
    const gone = new AbortController();
    const { promise: begun, resolve: begin } = Promise.withResolvers<void>();
    const building = client.createTemplate(
      { name: "slow", from: { template: "base", script: "echo begun; read line </dev/zero" } },
      { signal: gone.signal, onProgress: ({ message }) => message === "begun" && begin() },
    );
    await begun;
    const pids = await pidsWhere(async (pid) =>
      (await readProc(pid, "cmdline")).includes("/tmp/sharku-script"),
    );
    assert.ok(pids.length > 0);
    const uids = await Promise.all(
      pids.map(async (pid) => Number(/^Uid:\s+(\d+)/m.exec(await readProc(pid, "status"))?.[1])),
    );
    assert.ok(
      uids.every((uid) => uid >= 0x21000000 && uid < 0x21400000),
      uids.join(", "),
    );
    const listed = await client.getTemplate("slow");
    assert.deepEqual([listed.state, listed.kind, listed.build?.phase], ["building", "from", "running"]);
    const again = client.createTemplate({ name: "slow", from: { template: "base" } });
    assert.equal((await refusal(again)).code, "template-building");
    assert.equal((await refusal(client.deleteTemplate("base"))).code, "template-in-use");
    gone.abort();
    await assert.rejects(building);
    await until("nothing is left of it", async () =>
      client.getTemplate("slow").then(
        () => false,
        (error: unknown) => isSharkuError(error, "template-not-found"),
      ),
    );
    await assert.rejects(readdir(versionsDir(daemon, "slow")), { code: "ENOENT" });
  });
});

test("a daemon killed amid a build leaves nothing that the next does not sweep", async () => {
  await using root = await makeTinyRoot();
  await using daemon = await startDaemon();
  const { client, places } = daemon;
  await client.putTemplateArchive("base", await packDirectory(root.path));
  await daemon.stop();
  const before = await takeLedger(places);
  await daemon.start();
  const { promise: begun, resolve: begin } = Promise.withResolvers<void>();
  const script = "echo begun; while :; do echo x >>/etc/x; done";
  const building = client.createTemplate(
    { name: "torn", from: { template: "base", script } },
    { onProgress: ({ message }) => message === "begun" && begin() },
  );
  building.catch(() => undefined);
  await begun;
  await daemon.kill9();
  await assert.rejects(building);
  await daemon.start();
  assert.deepEqual(
    (await client.listTemplates()).items.map(({ name }) => name),
    ["host", "base"],
  );
  const pids = await pidsWhere(async (pid) =>
    (await readProc(pid, "cmdline")).includes("/tmp/sharku-script"),
  );
  assert.deepEqual(pids, []);
  await daemon.stop();
  await assertSame(before, places);
});

test("a directory of the host is used where it stands, with others bound into it", async () => {
  await using root = await makeTinyRoot();
  await using other = await makeTinyRoot();
  await using daemon = await startDaemon();
  const { client } = daemon;
  await mkdir(join(root.path, "usr/share/java"), { recursive: true });
  const made = await client.createTemplate({
    name: "here",
    directory: {
      path: root.path,
      binds: [
        { source: join(other.path, "etc"), destination: "/usr/share/java" },
        { source: join(other.path, "usr"), destination: "/opt/java" },
      ],
    },
  });
  assert.deepEqual([made.kind, made.bytes, made.files], ["directory", null, null]);
  const seen = await outputOn(
    client,
    "here",
    "echo /opt/java/bin/sh* /usr/share/java/pass*; (: >/opt/java/x) 2>/dev/null || echo closed",
  );
  assert.deepEqual(seen, ["/opt/java/bin/sh /usr/share/java/passwd", "closed"]);
  await writeFile(join(root.path, "etc/new"), "");
  assert.deepEqual(await outputOn(client, "here", "echo /etc/ne*"), ["/etc/new"]);
  const more = await client.createTemplate({ name: "more", from: { template: "here", script: ":" } });
  assert.ok(Number(more.files) > 10);
  assert.deepEqual(await outputOn(client, "more", "echo /opt/java/bin/sh*"), ["/opt/java/bin/sh"]);
  await rename(join(root.path, "root"), join(root.path, "was-root"));
  await symlink(other.path, join(root.path, "root"));
  const { id } = await client.createProc({ app: "test", name: "led", template: "here", command: "ls /root" });
  const { exit } = await untilExited(client, id);
  assert.equal(exit?.reason, "template");
  assert.match(exit?.message ?? "", /\/root is no directory any more/);
  const copied = client.createTemplate({ name: "more", replace: true, from: { template: "here" } });
  assert.match((await refusal(copied)).message, /\/root is no directory any more/);
  await client.deleteProc(id);
  await until("it is gone", () => isGone(client, id));
  await client.deleteTemplate("here");
  assert.ok((await readdir(join(root.path, "usr/bin"))).includes("sh"), "it is not ours to remove");
});
