import assert from "node:assert/strict";
import { test } from "node:test";
import { editDistance, suggest } from "./suggest.ts";

test("suggest() finds what a mistyped word most likely means", () => {
  const words = ["run", "ps", "logs", "stop", "image", "doctor"];
  const meant = { sp: "ps", lgos: "logs", docter: "doctor", imag: "image", STOP: "stop", "run ": "run" };
  for (const [word, expected] of Object.entries(meant)) assert.equal(suggest(word, words), expected, word);
});

test("suggest() keeps quiet where nothing is near", () => {
  assert.equal(suggest("kubernetes", ["run", "ps"]), null);
  assert.equal(suggest("", ["run", "ps"]), null);
});

test("editDistance() counts a swap of neighbours once", () => {
  assert.equal(editDistance("lgos", "logs"), 1);
  assert.equal(editDistance("abc", "abc"), 0);
  assert.equal(editDistance("", "abc"), 3);
});
