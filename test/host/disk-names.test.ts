import assert from "node:assert/strict";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { DiskMaker } from "../../src/isolation/disks/disk-maker.ts";
import { randomName } from "../../src/lib/random.ts";

test("a new disk leaves alone what a holder of an earlier daemon is still copying", async () => {
  const dir = await mkdtemp("/var/lib/sharku-disks-");
  try {
    const maker = new DiskMaker(dir, randomName);
    await maker.open();
    // Each daemon makes its first disks anew, so that names which count would be the same again.
    const others = [1, 2, 3].map((count) => join(dir, `image-${count}`));
    for (const path of others) await writeFile(path, "another's");
    (await maker.make(4 * 2 ** 20)).letGo();
    for (const path of others) assert.equal(await readFile(path, "utf8"), "another's");
  } finally {
    await rm(dir, { recursive: true });
  }
});
