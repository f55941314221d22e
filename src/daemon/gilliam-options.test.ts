import assert from "node:assert/strict";
import { test } from "node:test";
import { CannotStart } from "../lib/cannot-start.ts";
import { parseGilliamListen } from "./gilliam-options.ts";

test("parseGilliamListen() takes loopback addresses, and others by a word more", () => {
  assert.equal(parseGilliamListen("", false), null);
  assert.deepEqual(parseGilliamListen("localhost:8000", false), { host: "127.0.0.1", port: 8000 });
  assert.deepEqual(parseGilliamListen("127.1.2.3:1", false), { host: "127.1.2.3", port: 1 });
  assert.deepEqual(parseGilliamListen("[::1]:8000", false), { host: "::1", port: 8000 });
  assert.deepEqual(parseGilliamListen("0.0.0.0:8000", true), { host: "0.0.0.0", port: 8000 });
  for (const open of ["0.0.0.0:8000", "10.0.0.1:8000", "[::]:8000", "[::ffff:127.0.0.1]:8000"])
    assert.throws(
      () => parseGilliamListen(open, false),
      /CannotStart: .*without a token.*--insecure-gilliam/,
    );
});

test("parseGilliamListen() refuses what is no address with a port", () => {
  for (const wrong of [
    "8000",
    ":8000",
    "127.0.0.1",
    "127.0.0.1:0",
    "127.0.0.1:70000",
    "here:8000",
    "::1:8000",
  ])
    assert.throws(() => parseGilliamListen(wrong, true), CannotStart, wrong);
});
