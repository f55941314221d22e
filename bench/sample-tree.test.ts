import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test } from "node:test";
import { gzipSync, zstdCompressSync } from "node:zlib";
import { makeTar } from "../test/make-tar.ts";
import { contentOf, endOf, packings, pathOf } from "./sample-tree.ts";

test("contentOf() gives the same bytes for the same file, others for another, and as many as asked", () => {
  assert.deepEqual(contentOf(7, 10_001), contentOf(7, 10_001));
  assert.notDeepEqual(contentOf(7, 10_001), contentOf(8, 10_001));
  for (const bytes of [0, 1, 10_001]) assert.equal(contentOf(7, bytes).length, bytes);
});

test("contentOf() can be compressed to half", () => {
  const zipped = gzipSync(contentOf(3, 100_000)).length;
  assert.ok(zipped > 50_000 && zipped < 52_000, `${zipped}`);
});

test("pathOf() names each file once, a hundred to a directory and ten directories to the next", () => {
  const paths = Array.from({ length: 2000 }, (_, index) => pathOf(index));
  assert.equal(new Set(paths).size, 2000);
  assert.deepEqual(
    [paths[0], paths[99], paths[1999]],
    ["lib/part-0/module-0/file-0.js", "lib/part-0/module-0/file-99.js", "lib/part-1/module-19/file-1999.js"],
  );
});

test("endOf() may follow an archive, and is another for each number", () => {
  const tar = makeTar([{ name: "a", body: Buffer.from("x") }]);
  const archives = { plain: tar, gzip: gzipSync(tar), zstd: zstdCompressSync(tar) };
  for (const packing of packings) {
    assert.notDeepEqual(endOf(packing, 1), endOf(packing, 2));
    const input = Buffer.concat([archives[packing], endOf(packing, 2)]);
    const flag = { plain: [], gzip: ["-z"], zstd: ["--zstd"] }[packing];
    const { status, stdout, stderr } = spawnSync("tar", ["-t", ...flag], { input, encoding: "utf8" });
    assert.deepEqual([status, stdout, stderr], [0, "a\n", ""]);
  }
});
