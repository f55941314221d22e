import assert from "node:assert/strict";
import { test } from "node:test";
import { alignedLines, type Comparison, comparisonText, relationsOf } from "./table.ts";

const series = [
  { name: "ours", what: "this", samplesMs: [30, 10, 20] },
  { name: "theirs", what: "that", samplesMs: [80, 40, 60] },
];
const comparison: Comparison = { title: "A start", relation: "ratio", series, notes: ["One thing"] };

test("relationsOf() divides our median by each peer's, and a part's by the whole's", () => {
  assert.deepEqual(relationsOf(comparison), { theirs: 0.33 });
  assert.deepEqual(relationsOf({ ...comparison, relation: "share" }), { theirs: 3 });
});

test("comparisonText() tells medians, spread, relation, what was timed and the notes", () => {
  assert.equal(
    comparisonText(comparison),
    [
      "A start (ms; 3 runs each; ratio: ours / it, of the medians)",
      "        median   p10   p90   max  ratio",
      "ours      20.0  12.0  28.0  30.0",
      "theirs    60.0  44.0  76.0  80.0   0.33",
      "",
      "  ours: this",
      "  theirs: that",
      "  Note: One thing",
    ].join("\n"),
  );
});

test("alignedLines() takes a missing cell for an empty one and leaves no space at the end", () => {
  assert.deepEqual(alignedLines([["", "a"], ["longer", "10"], ["x"]]), ["         a", "longer  10", "x"]);
});
