import assert from "node:assert/strict";
import { test } from "node:test";
import { APP_BYTES_MAX } from "../../contract/proc.ts";
import { shapeDisk } from "./disk-shape.ts";

const MIB = 2 ** 20;

test("shapeDisk() gives a file for each 4 KiB, and less than a tenth on top of the bytes, or a megabyte", () => {
  for (const appBytes of [4 * MIB, 5_000_000, 1024 * MIB, 5 * 1024 * MIB, 2 ** 43]) {
    const { imageBytes, inodes } = shapeDisk(appBytes);
    assert.equal(inodes, Math.ceil(appBytes / 4096));
    assert.equal(imageBytes % 4096, 0);
    const more = imageBytes - appBytes;
    assert.ok(more > appBytes / 16 && more < Math.max(MIB, appBytes / 10), `${appBytes}: ${more} more`);
  }
});

test("shapeDisk() makes of the largest limit an image that ext4 takes as a file", () => {
  const { imageBytes, inodes } = shapeDisk(APP_BYTES_MAX);
  assert.ok(imageBytes <= 2 ** 44 - 4096, String(imageBytes));
  assert.ok(inodes < 2 ** 32, String(inodes));
});
