import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { chmod, cp, mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";

/** bin/sharku as npm lays it out: beside dist/, called by a link on the PATH. */
const CONFIG_FAULT = 78;

test("bin/sharku under an old Node says in one line what to do", async (context) => {
  const dir = await layOut(context);
  await fakeNode(dir, 'echo v20.1.0; [ "$1" = --version ] || echo ran >&2');
  const { status, stderr, stdout } = sharku(dir, "--version");
  assert.deepEqual({ status, stdout }, { status: CONFIG_FAULT, stdout: "" });
  assert.match(stderr, /^sharku: Cannot run under Node v20\.1\.0: Node 24 or newer is needed, .*\n$/);
});

test("bin/sharku without a Node says in one line what to do", async (context) => {
  const dir = await layOut(context);
  const { status, stderr } = sharku(dir, "--version");
  assert.equal(status, CONFIG_FAULT);
  assert.match(stderr, /^sharku: Cannot find "node" on the PATH: .*\n$/);
});

test("bin/sharku follows links and hands every argument over as it is", async (context) => {
  const dir = await layOut(context);
  await fakeNode(dir, '[ "$1" = --version ] && { echo v24.0.0; exit; }; printf "%s\\n" "$@"');
  const { status, stdout } = sharku(dir, "run", "a b", "--", "*");
  assert.equal(status, 0);
  const [, program, ...rest] = stdout.trimEnd().split("\n");
  assert.equal(program, join(dir, "package/dist/sharku.js"));
  assert.deepEqual(rest, ["run", "a b", "--", "*"]);
});

test("bin/sharku in a clone that is not set up says how to", async (context) => {
  const dir = await layOut(context);
  await fakeNode(dir, "echo v24.0.0");
  await mkdir(join(dir, "package/src"));
  await writeFile(join(dir, "package/src/sharku.ts"), "");
  const { status, stderr } = sharku(dir, "ps");
  assert.equal(status, CONFIG_FAULT);
  assert.match(stderr, /^sharku: Cannot run in the clone ".*": .*run "npm run setup" there\n$/);
});

async function layOut(context: TestContext): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), "sharku-bin-"));
  context.after(() => rm(dir, { recursive: true, force: true }));
  await mkdir(join(dir, "package/bin"), { recursive: true });
  await cp(join(import.meta.dirname, "../bin/sharku"), join(dir, "package/bin/sharku"));
  await mkdir(join(dir, "links"));
  await symlink("../package/bin/sharku", join(dir, "links/sharku"));
  await symlink(join(dir, "links/sharku"), join(dir, "sharku"));
  // The PATH will have what a shell script needs, and not this machine's Node.
  await mkdir(join(dir, "path"));
  for (const tool of ["readlink", "dirname"]) await symlink(`/usr/bin/${tool}`, join(dir, "path", tool));
  return dir;
}

async function fakeNode(dir: string, script: string): Promise<void> {
  const path = join(dir, "path/node");
  await writeFile(path, `#!/bin/sh\n${script}\n`);
  await chmod(path, 0o755);
}

function sharku(dir: string, ...args: string[]) {
  return spawnSync("/bin/sh", [join(dir, "sharku"), ...args], {
    env: { PATH: join(dir, "path") },
    encoding: "utf8",
  });
}
