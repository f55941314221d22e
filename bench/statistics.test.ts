import assert from "node:assert/strict";
import { test } from "node:test";
import { quantile, summarize } from "./statistics.ts";

test("quantile() takes the middle of an odd number and halfway of an even one", () => {
  assert.equal(quantile([9, 1, 5], 0.5), 5);
  assert.equal(quantile([4, 1, 3, 2], 0.5), 2.5);
});

test("quantile() interpolates between the two samples around its place", () => {
  const samples = [10, 20, 30, 40, 50];
  for (const [share, wanted] of [
    [0, 10],
    [0.1, 14],
    [0.9, 46],
    [1, 50],
  ] as const) {
    assert.ok(
      Math.abs(quantile(samples, share) - wanted) < 1e-9,
      `${share} gave ${quantile(samples, share)}`,
    );
  }
});

test("quantile() sorts by number and leaves the samples as they were", () => {
  const samples = [100, 9, 20];
  assert.equal(quantile(samples, 1), 100);
  assert.deepEqual(samples, [100, 9, 20]);
});

test("quantile() refuses no samples and a share that is none", () => {
  assert.throws(() => quantile([], 0.5), RangeError);
  assert.throws(() => quantile([1], 1.5), RangeError);
  assert.throws(() => quantile([1], Number.NaN), RangeError);
});

test("summarize() tells of one sample that all is that sample", () => {
  assert.deepEqual(summarize([7]), { runs: 1, median: 7, p10: 7, p90: 7, max: 7 });
});

test("summarize() is not moved in its median by one wild sample", () => {
  const { median, max, runs } = summarize([1, 1, 1, 1, 900]);
  assert.deepEqual({ median, max, runs }, { median: 1, max: 900, runs: 5 });
});
