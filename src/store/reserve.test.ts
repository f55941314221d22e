import assert from "node:assert/strict";
import { mkdtemp, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { Reserve } from "./reserve.ts";

test("Reserve takes real room, gives it back, and takes it again", async () => {
  const dir = await mkdtemp(join(tmpdir(), "sharku-reserve-"));
  try {
    const file = join(dir, "reserve");
    const reserve = new Reserve(file);
    assert.deepEqual(await Promise.all([reserve.take(), reserve.take()]), [true, true]);
    const { size, blocks } = await stat(file);
    assert.equal(size, 16 * 1024 * 1024);
    assert.ok(blocks * 512 >= size, "no holes");
    await reserve.give();
    await reserve.give();
    await assert.rejects(stat(file), { code: "ENOENT" });
    assert.equal(await reserve.take(), true);
  } finally {
    await rm(dir, { recursive: true });
  }
});

test("Reserve leaves nothing where it cannot take its room", async () => {
  assert.equal(await new Reserve("/proc/no/such/place").take(), false);
});
