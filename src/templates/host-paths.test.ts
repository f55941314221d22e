import assert from "node:assert/strict";
import { mkdir, mkdtemp, realpath, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { judgeDestinations, judgeHostDir } from "./host-paths.ts";

describe("judgeHostDir()", () => {
  let top = "";
  before(async () => {
    top = await realpath(await mkdtemp(join(tmpdir(), "sharku-paths-")));
    await mkdir(join(top, "state/inner"), { recursive: true });
    await mkdir(join(top, "tree"));
    await symlink("tree", join(top, "link"));
    await writeFile(join(top, "file"), "");
  });
  after(() => rm(top, { recursive: true }));
  const judge = (path: string) => judgeHostDir(path, [join(top, "state")]);

  test("takes a directory that is itself", async () => {
    assert.equal(await judge(join(top, "tree")), null);
  });

  const wrongs: [path: string, words: RegExp][] = [
    ["link", /is not the directory itself/],
    ["tree/../tree", /is not the directory itself/],
    ["file", /is no directory/],
    ["missing", /does not exist/],
    ["state", /no proc may see/],
    ["state/inner", /no proc may see/],
    [".", /is not the directory itself/],
  ];
  for (const [path, words] of wrongs)
    test(`refuses ${path}`, async () => {
      assert.match(String(await judge(`${top}/${path}`)), words);
    });

  test("refuses what holds the daemon's own, the kernel's and all of the host", async () => {
    assert.match(String(await judge(top)), /no proc may see/);
    for (const path of ["/proc", "/sys", "/dev"]) assert.match(String(await judge(path)), /no proc may see/);
    assert.match(String(await judge("/")), /all of the host/);
  });
});

test("judgeDestinations() takes plain places in the tree, each for one bind", () => {
  assert.deepEqual(judgeDestinations(["/opt/java", "/usr/share/x", "/opt/javac"]), []);
  for (const path of [
    "/",
    "/etc/ssl",
    "/dev/shm",
    "/app",
    "/tmp/x",
    "/run/y",
    "/a/../b",
    "/a//b",
    "/a/.hidden",
    "x",
  ])
    assert.equal(judgeDestinations([path]).length, 1, path);
  assert.equal(judgeDestinations(["/opt", "/opt/java"])[0]?.pointer, "/directory/binds/1/destination");
});
