import assert from "node:assert/strict";
import { test } from "node:test";
import { Members } from "./members.ts";

const limits = { bytesMax: 1000, filesMax: 3 };

test("Members.add() takes files, links, hard links and the directories that lead to them", () => {
  const members = new Members({ bytesMax: 1000, filesMax: 9 });
  for (const line of [
    "-rw-r--r-- 0/0               997 2026-11-23 19:00 a -> b",
    "lrwxrwxrwx 0/0                 0 2026-11-23 19:00 l -> /etc/passwd",
    "hrw-r--r-- 123456/123456       5 2026-11-23 19:00 h link to a",
    "drwxr-xr-x                  Creating directory: d",
    "-rw-r--r-- 0/0                 1 -32873-11-12 23:23 early",
    "-rw-r--r-- 0/0                 1 4611686018427387904 late one",
  ])
    assert.equal(members.add(line), null, line);
  assert.equal(members.last, "late one");
});

const refused: [line: string, words: RegExp][] = [
  ["crw-rw-rw- 0/0               1,3 2026-11-23 19:00 null", /"null" is a character device/],
  ["prw-rw-rw- 0/0                 0 2026-11-23 19:00 p\\nq", /"p\\nq" is a fifo/],
  ["V--------- 0/0                 0 2026-11-23 19:00 label--Volume Header--", /kind "V"/],
  ["-rw-r--r-- 0/0              1001 2026-11-23 19:00 big", /more than 1000 bytes at "big"/],
  ["-rw-r--r-- 0/0                 1 2026-11-23 19:00 /etc/x", /"\/etc\/x" lies outside/],
  ["lrwxrwxrwx 0/0                 0 2026-11-23 19:00 /l -> x", /"\/l" lies outside/],
  ["what is this", /kind "\?"/],
];
for (const [line, words] of refused)
  test(`Members.add() refuses "${line}"`, () => {
    assert.match(new Members(limits).add(line) ?? "", words);
  });

test("Members.add() refuses one file too many, whether it is a member or a directory on the way", () => {
  const members = new Members(limits);
  assert.equal(members.add("-rw-r--r-- 0/0 1 2026-11-23 19:00 a"), null);
  assert.equal(members.add("-rw-r--r-- 0/0 1 2026-11-23 19:00 a"), null);
  assert.equal(members.add("drwxr-xr-x Creating directory: d"), null);
  assert.match(
    members.add("drwxr-xr-x Creating directory: d/e") ?? "",
    /more than 3 files and directories at "d\/e"/,
  );
});
