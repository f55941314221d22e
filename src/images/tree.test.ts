import assert from "node:assert/strict";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { settleTree } from "./tree.ts";

test("settleTree() refuses a path that has no name where the tree is to lie", async () => {
  const dir = await mkdtemp(join(tmpdir(), "sharku-tree-"));
  await mkdir(join(dir, "deep"));
  await writeFile(join(dir, "deep", "file"), "text");
  const within = Buffer.byteLength("/deep/file");
  const settle = (finalBytes: number) =>
    settleTree(dir, { bytesMax: 100, filesMax: 10, finalDir: "/".padEnd(finalBytes, "d") });
  // Longer than any path of Linux, with the NUL at its end, is 4096 bytes.
  assert.deepEqual(await settle(4095 - within), { files: 2, bytes: 4 });
  assert.deepEqual(await settle(4096 - within), {
    fault: '"deep/file" lies too deep, wanted paths that the system can name',
  });
  assert.deepEqual(await settle(1), { files: 2, bytes: 4 });
  await rm(dir, { recursive: true });
});
