import assert from "node:assert/strict";
import { chmod, chown, mkdir, mkdtemp, realpath, rename, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { judgeDestinations, judgeHostDir, judgeVersion } from "./host-paths.ts";

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
  const judge = (path: string, isTree = true) =>
    judgeHostDir(path, { ownDirs: [join(top, "state")], isTree });

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

  test("refuses the daemon's own by whatever link it is told of", async () => {
    await symlink("state", join(top, "known-as"));
    const ownDirs = [join(top, "known-as")];
    assert.match(
      String(await judgeHostDir(join(top, "state"), { ownDirs, isTree: true })),
      /no proc may see/,
    );
  });

  test("refuses what others than root could put a link in the place of, itself or on the way", async () => {
    const [way, leaf] = [join(top, "way"), join(top, "way/leaf")];
    await mkdir(leaf, { recursive: true });
    const words = /can be changed by others than root/;
    for (const [dir, uid, mode] of [
      [way, 1000, 0o755],
      [way, 0, 0o777],
      [way, 0, 0o775],
      [leaf, 1000, 0o755],
      [leaf, 0, 0o1777],
    ] as const) {
      await chown(dir, uid, uid);
      await chmod(dir, mode);
      assert.match(String(await judge(leaf)), words, `${dir} ${uid}`);
      await chown(dir, 0, 0);
      await chmod(dir, 0o755);
    }
    await chmod(way, 0o1777);
    assert.equal(await judge(leaf), null, "nobody can move it out of a sticky directory");
    await chown(leaf, 1000, 1000);
    assert.match(String(await judge(leaf, false)), words, "but its owner");
    await chmod(way, 0o755);
    assert.equal(await judge(leaf, false), null, "its owner cannot move it, and nothing in it is looked up");
  });

  test("refuses what holds the daemon's own, the kernel's and all of the host", async () => {
    assert.match(String(await judge(top)), /no proc may see/);
    for (const path of ["/proc", "/sys", "/dev"]) assert.match(String(await judge(path)), /no proc may see/);
    assert.match(String(await judge("/")), /all of the host/);
  });
});

test("judgeVersion() tells what has come in the place of a directory since", async (context) => {
  const top = await realpath(await mkdtemp(join(tmpdir(), "sharku-paths-")));
  context.after(() => rm(top, { recursive: true }));
  for (const path of ["tree/srv", "secret", "java"]) await mkdir(join(top, path), { recursive: true });
  const binds = [{ source: join(top, "java"), destination: "/opt/java" }];
  const source = { directory: { path: join(top, "tree"), binds } };
  const look = () => judgeVersion({ source, dirs: ["srv"] }, []);
  assert.equal(await look(), null);
  for (const path of ["tree/srv", "tree", "java"]) {
    await rename(join(top, path), join(top, "kept"));
    await symlink(join(top, "secret"), join(top, path));
    assert.match(String(await look()), new RegExp(`/${path} is no`), path);
    await rm(join(top, path));
    await rename(join(top, "kept"), join(top, path));
  }
  assert.equal(await judgeVersion({ source: {}, dirs: ["gone"] }, []), null, "what is ours is not asked for");
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
