import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { chmod, chown, cp, link, mkdir, mkdtemp, rm, symlink, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { openSource, planPacking, readArchive } from "./pack.ts";

const NOBODY = 65_534;

describe("readArchive() of a directory", () => {
  let parent = "";
  let digest = "";

  /** An app's directory, made anew; each file and directory as the umask has it. */
  async function make(name: string, { umask = 0o022, isBackwards = false } = {}): Promise<string> {
    const top = join(parent, name);
    const usual = process.umask(umask);
    try {
      await mkdir(top);
      await mkdir(join(top, "lib"));
      const names = ["Procfile", "lib/a.js", "lib/b.js", "lib/c.js", "run"];
      for (const file of isBackwards ? names.reverse() : names) await writeFile(join(top, file), `${file}\n`);
      // As git checks out what may be executed.
      await chmod(join(top, "run"), 0o777 & ~umask);
      await symlink("lib/a.js", join(top, "link"));
    } finally {
      process.umask(usual);
    }
    return top;
  }

  before(async () => {
    parent = await mkdtemp(join(tmpdir(), "sharku-pack-"));
    // So that another user gets in.
    await chmod(parent, 0o755);
    digest = await digestOf(await make("app"));
  });

  after(() => rm(parent, { recursive: true, force: true }));

  it("is the same at another time", async () => {
    const top = await make("touched");
    for (const name of ["", "lib", "lib/a.js", "run"])
      await utimes(join(top, name), new Date("1970-01-01"), new Date("2038-01-19T03:14:08.5Z"));
    assert.equal(await digestOf(top), digest);
  });

  it("is the same under another umask", async () => {
    for (const umask of [0o000, 0o002, 0o077])
      assert.equal(await digestOf(await make(`umask-${umask}`, { umask })), digest, umask.toString(8));
  });

  it("is the same in another order of creation, and as a copy", async () => {
    const top = await make("backwards", { isBackwards: true });
    assert.equal(await digestOf(top), digest);
    await cp(top, join(parent, "copy"), { recursive: true, verbatimSymlinks: true });
    assert.equal(await digestOf(join(parent, "copy")), digest);
  });

  it("is the same with bits that git does not keep", async () => {
    const top = await make("bits");
    await chmod(join(top, "lib"), 0o3777);
    await chmod(join(top, "lib/a.js"), 0o666);
    // Who else may execute it does not count.
    await chmod(join(top, "lib/b.js"), 0o655);
    await chmod(join(top, "run"), 0o4700);
    assert.equal(await digestOf(top), digest);
  });

  it("is the same for one file of two names and two files of the same content", async () => {
    const one = await make("linked");
    const two = await make("apart");
    await link(join(one, "run"), join(one, "walk"));
    await writeFile(join(two, "walk"), "run\n", { mode: 0o755 });
    assert.equal(await digestOf(one), await digestOf(two));
  });

  it("is the same for another user, and of files of another's", async () => {
    // Nobody but root can be two.
    if (process.getuid?.() !== 0) return;
    const top = await make("of-two");
    for (const name of ["lib", "lib/a.js", "run"]) await chown(join(top, name), NOBODY, NOBODY);
    assert.equal(await digestOf(top), digest);
    process.setegid?.(NOBODY);
    process.seteuid?.(NOBODY);
    try {
      assert.equal(process.geteuid?.(), NOBODY);
      assert.equal(await digestOf(top), digest);
    } finally {
      process.seteuid?.(0);
      process.setegid?.(0);
    }
  });

  it("is another where content, names, links or the right to execute are others", async () => {
    const changes: Record<string, (top: string) => Promise<void>> = {
      content: (top) => writeFile(join(top, "run"), "ran\n"),
      name: (top) => writeFile(join(top, "more"), ""),
      directory: (top) => mkdir(join(top, "empty")),
      execute: (top) => chmod(join(top, "lib/a.js"), 0o744),
      target: async (top) => {
        await rm(join(top, "link"));
        await symlink("lib/b.js", join(top, "link"));
      },
    };
    const digests = new Set([digest]);
    for (const [what, change] of Object.entries(changes)) {
      const top = await make(`other-${what}`);
      assert.equal(await digestOf(top), digest);
      await change(top);
      digests.add(await digestOf(top));
    }
    assert.equal(digests.size, 1 + Object.keys(changes).length);
  });
});

async function digestOf(path: string): Promise<string> {
  const source = await openSource(path, { cwd: "/", stdin: () => assert.fail("not asked for") });
  const packing = await planPacking(source);
  const hash = createHash("sha256");
  for await (const chunk of readArchive(source, {
    packing,
    env: process.env,
    warn: (text) => assert.fail(text),
  }))
    hash.update(chunk);
  return hash.digest("hex");
}
