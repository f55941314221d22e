import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type Candidate, excessOf, planCollection } from "./collection.ts";

const water = { high: 0.85, low: 0.8 };

function candidate(digest: string, more: Partial<Candidate> = {}): Candidate {
  return { digest, bytes: 10, files: 1, lastUsedMs: 0, isHeld: false, ...more };
}

describe("excessOf()", () => {
  it("is nothing up to the high mark, and down to the low one above it", () => {
    assert.equal(excessOf({ used: 850, total: 1000 }, water), 0);
    assert.equal(excessOf({ used: 851, total: 1000 }, water), 51);
    assert.equal(excessOf({ used: 5000, total: 1000 }, water), 4200);
  });

  it("is nothing where nothing bounds it, as inodes on some file systems", () => {
    assert.equal(excessOf({ used: 10 ** 9, total: null }, water), 0);
    assert.equal(excessOf({ used: 0, total: 0 }, water), 0);
  });
});

describe("planCollection()", () => {
  const names = (candidates: Candidate[], bytes: number, files = 0) =>
    planCollection(candidates, { bytes, files }).map(({ digest }) => digest);

  it("takes those unused for longest, and no more than wanted", () => {
    const all = [
      candidate("c", { lastUsedMs: 3 }),
      candidate("a", { lastUsedMs: 1 }),
      candidate("b", { lastUsedMs: 2 }),
    ];
    assert.deepEqual(names(all, 0), []);
    assert.deepEqual(names(all, 10), ["a"]);
    assert.deepEqual(names(all, 11), ["a", "b"]);
    assert.deepEqual(names(all, 1000), ["a", "b", "c"]);
  });

  it("goes on until both bytes and files are enough", () => {
    const all = [
      candidate("a", { bytes: 100 }),
      candidate("b", { files: 50, lastUsedMs: 1 }),
      candidate("c", { lastUsedMs: 2 }),
    ];
    assert.deepEqual(names(all, 50, 20), ["a", "b"]);
  });

  it("never takes what is held", () => {
    assert.deepEqual(names([candidate("a", { isHeld: true }), candidate("b", { lastUsedMs: 9 })], 100), [
      "b",
    ]);
  });
});
