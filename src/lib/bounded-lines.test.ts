import assert from "node:assert/strict";
import { test } from "node:test";
import { BoundedLines } from "./bounded-lines.ts";

test("BoundedLines.add() parts lines wherever the chunks are cut, and cuts those that are too long", () => {
  const bytes = Buffer.from("one\n\ntwö\n0123456789012345\nlast\nwithout its end");
  for (let size = 1; size <= bytes.length; size += 1) {
    const lines: string[] = [];
    const splitter = new BoundedLines(10, (line) => lines.push(line));
    for (let at = 0; at < bytes.length; at += size) splitter.add(bytes.subarray(at, at + size));
    assert.deepEqual(lines, ["one", "", "twö", "0123456789", "last"], `chunks of ${size}`);
  }
});
