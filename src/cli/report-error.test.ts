import assert from "node:assert/strict";
import { test } from "node:test";
import { captureIo } from "../../test/fakes/terminal.ts";
import { SharkuError } from "../contract/errors.ts";
import { reportError } from "./report-error.ts";

test("reportError() names the command that lets an image go, by what holds it", () => {
  const advices: [message: string, expected: RegExp][] = [
    [
      "Cannot remove image: it is pinned, wanted it let go first",
      /; here: sharku image unpin, then remove it\n$/,
    ],
    ["Cannot remove image: a proc uses it, wanted all its procs deleted first", /; see: sharku ps\n$/],
  ];
  for (const [message, expected] of advices) {
    const io = captureIo();
    const error = new SharkuError("image-in-use", message);
    assert.equal(reportError(error, { io, json: false, target: null }), 1);
    assert.match(io.stderr.text, expected);
  }
});
