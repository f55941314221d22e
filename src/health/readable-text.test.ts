import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { readableText } from "./readable-text.ts";

describe("readableText()", () => {
  it("keeps lines and tabs, and takes out what a terminal would obey", () => {
    assert.equal(
      readableText("one\r\ntwo\tthree\u001b[2J\u0000\u009b\u202e end \n\n", 100),
      "one\ntwo\tthree[2J end",
    );
  });

  it("holds its bound, and cuts no character in two", () => {
    assert.equal(readableText("äöü", 3), "ä");
  });
});
