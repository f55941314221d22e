import assert from "node:assert/strict";
import { chmod, mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { until } from "../until.ts";
import { packDirectory } from "./archive.ts";
import { commandLineOf } from "./command-line.ts";
import { startDaemon } from "./harness.ts";
import { assertSame, takeLedger } from "./ledger.ts";
import { makeTinyRoot } from "./tiny-root.ts";

/** What the command does with templates on a real daemon, as far as it needs no mirror. */

const ON_HERE = ["run", "--rm", "--template", "here", "--"];

test("templates are made of a directory, an archive and one another by the command, and removed", async (context) => {
  await using root = await makeTinyRoot();
  await using daemon = await startDaemon();
  const { call } = commandLineOf(daemon);
  const before = await takeLedger(daemon.places);
  const cwd = root.path;
  await using outside = await makeTinyRoot();
  const files = {
    "root.tar.gz": await packDirectory(root.path),
    broken: "no archive",
    "more.sh": "echo 2 >/etc/two\necho so far\necho so far >&2\n",
  };
  for (const [name, content] of Object.entries(files)) await writeFile(join(outside.path, name), content);

  await context.test("of a directory, with another one bound into it", async () => {
    await mkdir(join(root.path, "opt/tools"), { recursive: true });
    const made = await call(`template create here --directory . --bind ${outside.path}/etc:/opt/tools`, {
      cwd,
    });
    assert.equal(made.code, 0, made.err);
    assert.match(made.out, /^here is ready: /);
    const ran = await call([...ON_HERE, "read line </opt/tools/group && echo $line"]);
    assert.deepEqual([ran.code, ran.out], [0, "root:x:0:\n"], ran.err);
    const { out } = await call("template inspect here");
    assert.match(out, new RegExp(`\\ndirectory +${root.path}\\nbind +${outside.path}/etc on /opt/tools\\n`));
    assert.match(out, /warn {2}certificates/);
  });

  await context.test("of an archive, and an app runs on it", async () => {
    const made = await call("template create box --archive root.tar.gz", { cwd: outside.path });
    assert.equal(made.code, 0, made.err);
    const piped = await call("template create piped --archive - -q", { stdin: files["root.tar.gz"] });
    assert.deepEqual([piped.code, piped.out, piped.err], [0, "piped\n", ""]);
    for (const name of ["box", "piped"]) {
      const ran = await call([...["run", "--rm", "--template", name], "--", "pwd && true"]);
      assert.deepEqual([ran.code, ran.out], [0, "/app\n"], ran.err);
    }
  });

  await context.test("of another one by a script, as its next version", async () => {
    const made = await call("template create box --from box --run more.sh --network none --replace", {
      cwd: outside.path,
    });
    assert.equal(made.code, 0, made.err);
    assert.match(made.err, /\nBuilding box: running, 85%\nso far\nso far\nBuilding box: finishing/);
    const ran = await call(["run", "--rm", "--template", "box", "--", "read two </etc/two && echo $two"]);
    assert.deepEqual([ran.code, ran.out], [0, "2\n"], ran.err);
    assert.match((await call("template inspect box")).out, /\nfrom +box, version /);
  });

  await context.test("a template in use stays, and who uses it is told", async () => {
    const run = await call([
      ...["run", "-d", "-q", "--app", "stay", "--template", "box"],
      "--",
      "kill -STOP $$",
    ]);
    assert.equal(run.code, 0, run.err);
    const refused = await call("template rm box");
    assert.equal(refused.code, 1);
    assert.match(refused.err, /; see: sharku ps\n$/);
    assert.equal((await call("rm stay --grace 0")).code, 0);
  });

  await context.test("nothing is left when all are removed", async () => {
    const removed = await call("template rm here box piped");
    assert.equal(removed.code, 0, removed.err);
    assert.equal((await call("template ls -q")).out, "host\n");
    await assertSame(before, daemon.places);
  });
});

test("what cannot be made into a template is told in a line, and leaves nothing", async () => {
  await using root = await makeTinyRoot();
  await using dir = await makeTinyRoot();
  await using daemon = await startDaemon();
  const { call } = commandLineOf(daemon);
  await rm(join(dir.path, "usr/bin/sh"));
  await writeFile(join(dir.path, "broken"), "no archive");
  await writeFile(join(dir.path, "noexec"), (await packDirectory(dir.path)).subarray(0, 5000));
  await writeFile(join(root.path, "closed"), "x");
  await chmod(join(root.path, "closed"), 0);
  await writeFile(join(dir.path, "fail.sh"), "echo so it goes >&2; exit 3\n");
  const base = await call(`template create base --directory ${root.path}`);
  assert.equal(base.code, 0, base.err);
  const before = await takeLedger(daemon.places);
  const wrongs: [argv: string, expected: RegExp][] = [
    [`base --directory ${root.path}`, /"base".*; here: --replace makes its next version$/],
    [`host --directory ${root.path} --replace`, /"host"/],
    ["x --directory /nowhere/at/all", /\/nowhere\/at\/all/],
    ["x --directory /", /"\/"/],
    [`x --directory ${dir.path}`, /sh/],
    [`x --directory ${root.path} --bind /nowhere:/opt`, /\/nowhere/],
    ["x --archive broken", /archive/],
    ["x --archive noexec", /archive/],
    ["x --from nobody --packages a", /"nobody"/],
    ["x --from host --packages a", /host/],
    ["x --from base --run fail.sh", /3/],
    ["x --debootstrap bookworm --mirror http://127.0.0.1:7999/debian", /127\.0\.0\.1:7999/],
    ["x --debootstrap bookworm --arch nosuch", /nosuch/],
    ["x --debootstrap bookworm --keyring /nowhere.gpg", /\/nowhere\.gpg/],
  ];
  for (const [argv, expected] of wrongs) {
    const { code, out, err } = await call(`template create ${argv}`, { cwd: dir.path });
    assert.deepEqual([code, out], [1, ""], `${argv}\n${err}`);
    assert.match(err.trimEnd().split("\n").at(-1) ?? "", expected, argv);
    assert.doesNotMatch(err, /fault of the daemon/, argv);
  }
  await assertSame(before, daemon.places);
  assert.equal((await call("template ls -q")).out, "host\nbase\n");
});

test("Ctrl-C ends a build, and nothing of it is left", async () => {
  await using root = await makeTinyRoot();
  await using daemon = await startDaemon();
  const { begin, call } = commandLineOf(daemon);
  const base = await call("template create base --archive -", { stdin: await packDirectory(root.path) });
  assert.equal(base.code, 0, base.err);
  const before = await takeLedger(daemon.places);
  const { io, code } = begin("template create x --from base --run -", {
    stdin: "echo it runs; sleep 1000\n",
  });
  await until("it is listed", async () => (await call("template ls -q")).out.includes("x\n"));
  assert.match((await call("template ls")).out, /\nx +from +building/);
  await io.stderr.until("running");
  assert.ok(io.interrupt());
  assert.equal(await code, 130);
  await until("it is gone", async () => !(await call("template ls -q")).out.includes("x\n"));
  await assertSame(before, daemon.places);
});
