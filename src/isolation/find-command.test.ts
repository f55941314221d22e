import assert from "node:assert/strict";
import { chmod, chown, mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { runCommand } from "../lib/run-command.ts";
import { judgeCommand } from "./find-command.ts";

const dirs = ["usr/bin", "usr/local/bin", "app/bin", "lib"];

describe("judgeCommand()", () => {
  let root = "";
  const judge = (program: string) =>
    judgeCommand(program, { root, cwd: "/app", path: "/usr/local/bin:/usr/bin", owner: 4711 });
  const put = async (path: string, { text = "", mode = 0o755 } = {}) => {
    await writeFile(join(root, path), text);
    await chmod(join(root, path), mode);
  };

  before(async () => {
    root = await mkdtemp(join(tmpdir(), "sharku-commands-"));
    await chmod(root, 0o755);
    for (const dir of dirs) await mkdir(join(root, dir), { recursive: true });
    await put("usr/bin/env");
    await put("usr/bin/node");
    await put("app/script", { text: "#!/usr/bin/env node\n" });
  });

  after(() => rm(root, { recursive: true, force: true }));

  it("finds what is on the PATH, in the app, and by its whole path", async () => {
    for (const program of ["node", "./script", "script/../script", "/usr/bin/node", "/app/script"]) {
      const isThere = program !== "script/../script";
      assert.equal((await judge(program)) === null, isThere, program);
    }
  });

  it("says where it has looked for what is not there", async () => {
    assert.equal(await judge("nope"), "is in none of the directories of PATH, /usr/local/bin:/usr/bin");
    for (const program of ["./nope", "/nope/x", "/usr/bin/node/x"])
      assert.equal(await judge(program), "is not there", program);
    assert.equal(await judge("/usr"), "is a directory");
    assert.match(String(await judge("")), /^is in none of/);
  });

  it("tells what may not be executed, and passes over it on the PATH", async () => {
    await put("app/plain", { mode: 0o644 });
    assert.equal(await judge("./plain"), "may not be executed by the app: /app/plain");
    await put("usr/local/bin/tool", { mode: 0o644 });
    assert.equal(await judge("tool"), "may not be executed by the app: /usr/local/bin/tool");
    await put("usr/bin/tool");
    assert.equal(await judge("tool"), null);
  });

  it("judges by the owner, as the kernel does", async () => {
    await put("app/own", { mode: 0o611 });
    assert.equal(await judge("./own"), null);
    if (process.getuid?.() !== 0) return;
    await chown(join(root, "app/own"), 4711, 4711);
    assert.match(String(await judge("./own")), /may not be executed/);
  });

  it("follows links inside the root, and never out of it", async () => {
    await symlink("/usr/bin/node", join(root, "app/link"));
    await symlink("../../../../usr/bin", join(root, "app/deep"));
    await symlink("loop", join(root, "app/loop"));
    // On the host there is one, in the root there is none.
    await symlink("/bin/sh", join(root, "app/outside"));
    assert.equal(await judge("./link"), null);
    assert.equal(await judge("./deep/node"), null);
    assert.equal(await judge("./outside"), "is not there");
    assert.equal(await judge("./loop"), "is a link that leads in circles");
  });

  it("waits for no FIFO, and takes nothing but a file for a program", async () => {
    await runCommand(["mkfifo", "--mode=755", join(root, "app/pipe"), join(root, "usr/local/bin/tool-2")]);
    await put("app/of-pipe", { text: "#!/app/pipe\n" });
    await put("usr/bin/tool-2");
    const sentence = "is no file, and cannot be executed";
    assert.equal(await judge("./pipe"), sentence);
    assert.equal(await judge("./of-pipe"), `asks in its first line for /app/pipe, which ${sentence}`);
    // The kernel, too, goes on to the next directory of PATH.
    assert.equal(await judge("tool-2"), null);
  });

  it("leaves to the kernel what leads through /proc", async () => {
    await mkdir(join(root, "proc"));
    await mkdir(join(root, "dev"));
    // As the kernel has it: readable by who is in there, and by nobody else.
    await symlink("/proc/self/fd", join(root, "dev/fd"));
    await symlink("/proc/self/fd/0", join(root, "dev/stdin"));
    await put("app/by-self", { text: "#!/proc/self/exe\n" });
    for (const program of [
      "/proc/self/exe",
      "/dev/stdin",
      "/dev/fd/3",
      "../proc/thread-self/exe",
      "./by-self",
    ])
      assert.equal(await judge(program), null, program);
    assert.equal(await judge("/proc"), "is a directory");
    const place = { root, cwd: "/app", owner: 4711, path: "/proc/self/root/bin" };
    assert.equal(await judgeCommand("nope", place), null);
    // A directory of that name elsewhere is like any other.
    await mkdir(join(root, "app/proc"));
    assert.equal(await judge("./proc/self/exe"), "is not there");
  });

  it("tells what a script's first line asks for in vain", async () => {
    await put("app/old", { text: "#!/usr/bin/env python\nprint 1\n" });
    await put("app/odd", { text: "#! /opt/ruby -w\n" });
    await put("app/bare", { text: "echo no first line\n" });
    assert.match(String(await judge("./old")), /^asks in its first line for python, which is in none of/);
    assert.equal(await judge("./odd"), "asks in its first line for /opt/ruby, which is not there");
    assert.equal(await judge("./bare"), null);
  });

  it("tells a program that was built for another system", async () => {
    await writeFile(join(root, "app/alien"), elfWithLoader("/lib/ld-musl-x86_64.so.1"), { mode: 0o755 });
    assert.match(String(await judge("./alien")), /its loader \/lib\/ld-musl-x86_64\.so\.1 is not in/);
    await put("lib/ld-musl-x86_64.so.1");
    assert.equal(await judge("./alien"), null);
  });

  it("takes bytes of any kind for a program", async () => {
    const heads = [[0x7f, 0x45, 0x4c, 0x46, 2, 1], Array(4096).fill(0xff), [0x23, 0x21], [0x7f, 0x45]];
    for (const bytes of heads) {
      await writeFile(join(root, "app/odd-bytes"), Buffer.from(bytes), { mode: 0o755 });
      assert.equal(await judge("./odd-bytes"), null);
    }
  });
});

/** The head of an ELF file with one entry in its table: the path of the loader. */
function elfWithLoader(loader: string): Buffer {
  const file = Buffer.alloc(256);
  Buffer.from([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]).copy(file);
  file.writeBigUInt64LE(64n, 32);
  file.writeUInt16LE(56, 54);
  file.writeUInt16LE(1, 56);
  file.writeUInt32LE(3, 64);
  file.writeBigUInt64LE(128n, 72);
  file.writeBigUInt64LE(BigInt(loader.length + 1), 96);
  file.write(loader, 128);
  return file;
}
