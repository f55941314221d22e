import assert from "node:assert/strict";
import { chmod, mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import type { ImageFile } from "../contract/image.ts";
import { runCommand } from "../lib/run-command.ts";
import { listFiles } from "./list-files.ts";

describe("listFiles()", () => {
  let top: string;
  let dir: string;
  before(async () => {
    top = await mkdtemp(join(tmpdir(), "sharku-list-"));
    dir = join(top, "files");
    await mkdir(join(dir, "lib/deep"), { recursive: true });
    await writeFile(join(top, "secret"), "secret");
    await writeFile(join(dir, "lib/deep/a"), "abc", { mode: 0o755 });
    await writeFile(join(dir, "lib.js"), "");
    await writeFile(join(dir, "line\nfeed"), "");
    await writeFile(Buffer.concat([Buffer.from(`${dir}/lib/`), Buffer.from([0xff, 0x0a])]), "x");
    await symlink("..", join(dir, "up"));
    await symlink("/etc/passwd", join(dir, "Procfile"));
    await symlink(Buffer.from([0xfe]), join(dir, "odd"));
    await chmod(join(dir, "lib/deep/a"), 0o755);
  });
  after(() => rm(top, { recursive: true, force: true }));

  const pathOf = ({ path, pathBase64 }: ImageFile) => path ?? `base64 ${pathBase64}`;
  const inOrder = [
    "Procfile",
    "lib",
    "lib/deep",
    "lib/deep/a",
    `base64 ${Buffer.concat([Buffer.from("lib/"), Buffer.from([0xff, 0x0a])]).toString("base64")}`,
    "lib.js",
    "line\nfeed",
    "odd",
    "up",
  ];

  it("tells each thing once, each directory before what is in it, and follows no link", async () => {
    const { items, next } = await listFiles(dir, {});
    assert.equal(next, null);
    assert.deepEqual(items.map(pathOf), inOrder);
    const [procfile, , , a, , , , odd, up] = items;
    assert.deepEqual(
      [procfile?.type, procfile?.target, procfile?.bytes, up?.type, up?.target],
      ["link", "/etc/passwd", 0, "link", ".."],
    );
    assert.deepEqual(a, { path: "lib/deep/a", type: "file", mode: "0755", bytes: 3 });
    assert.deepEqual([odd?.target, odd?.targetBase64], [undefined, "/g=="]);
  });

  it("goes on from any place, however long the pages", async () => {
    for (const limit of [1, 2, 3, 8]) {
      const paths: string[] = [];
      let cursor: string | null = null;
      do {
        const page = await listFiles(dir, { limit, ...(cursor === null ? {} : { cursor }) });
        assert.ok(page.items.length <= limit);
        paths.push(...page.items.map(pathOf));
        cursor = page.next;
      } while (cursor !== null);
      assert.deepEqual(paths, inOrder);
    }
  });

  it("leaves nothing out in silence", async () => {
    // Made step by step, it is longer than a path can be.
    const deepest = await mkdtemp(join(top, "deepest-"));
    const script = "for i in $(seq 50); do mkdir -p $0 && cd $0 || exit 1; done";
    await runCommand(["bash", "-c", script, "d".repeat(90)], { cwd: deepest });
    await assert.rejects(listFiles(deepest, {}), { code: "ENAMETOOLONG" });
    await runCommand(["rm", "-rf", "--", deepest]);
    assert.deepEqual(await listFiles(deepest, {}), { items: [], next: null });
  });

  it("takes no cursor for a place on the disk", async () => {
    for (const path of ["..", "../secret", "/etc", "up/files", "lib/../..", "zzz"]) {
      const { items } = await listFiles(dir, { cursor: Buffer.from(path).toString("base64url") });
      assert.deepEqual(
        items.map(pathOf).filter((found) => !inOrder.includes(found)),
        [],
        path,
      );
    }
    for (const cursor of ["", "a b", "AA"])
      await assert.rejects(listFiles(dir, { cursor }), { code: "invalid-request" }, cursor);
  });
});
