import assert from "node:assert/strict";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { diskUsage } from "./disk-usage.ts";
import { TreeSizes } from "./tree-sizes.ts";

describe("TreeSizes", () => {
  let top: string;
  let tree: string;
  before(async () => {
    top = await mkdtemp(join(tmpdir(), "sharku-sizes-"));
    tree = join(top, "tree\n*");
    await mkdir(tree);
    await writeFile(join(tree, "file"), Buffer.alloc(100_000, 1));
  });
  after(() => rm(top, { recursive: true, force: true }));

  it("counts a tree once, and remembers it in its file", async () => {
    const file = join(top, "sizes", "all.json");
    const bytes = await new TreeSizes(file).sizeOf("a", tree);
    assert.ok(bytes >= 100_000 && bytes < 200_000, String(bytes));
    assert.equal(await new TreeSizes(file).sizeOf("a", join(top, "none")), bytes);
    const sizes = new TreeSizes(file);
    await sizes.keepOnly(new Set(["b"]));
    assert.equal(await sizes.sizeOf("a", join(top, "none")), 0);
    assert.deepEqual(JSON.parse(await readFile(file, "utf8")), {});
  });

  it("begins anew where the file is broken", async () => {
    const file = join(top, "broken.json");
    for (const text of ["{", "null", '{"a":"much"}']) {
      await writeFile(file, text);
      assert.ok((await new TreeSizes(file).sizeOf("a", tree)) >= 100_000);
    }
  });

  it("is told in parts, without what is left out", async () => {
    const usage = await diskUsage([top], { depth: 1, exclude: tree });
    assert.ok(usage.has(top) && !usage.has(tree) && usage.has(join(top, "broken.json")));
    assert.deepEqual(await diskUsage([]), new Map());
  });
});
