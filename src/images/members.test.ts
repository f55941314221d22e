import assert from "node:assert/strict";
import { test } from "node:test";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
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

test("Members.add() refuses what takes the place of a link that tar makes last of all", () => {
  const line = (kind: string, text: string) => `${kind}rw-r--r-- 0/0 0 2026-11-23 19:00 ${text}`;
  const twice = (first: string, second: string) => {
    const members = new Members(limits);
    assert.equal(members.add(line("l", first)), null);
    return members.add(second);
  };
  const words = /"\S+" is there twice, first as a link/;
  for (const second of [
    line("-", "a/b"),
    line("d", "./a//b/"),
    line("l", "a/b -> /tmp"),
    line("l", "a/b -> c"),
  ])
    assert.match(twice("a/b -> /etc", second) ?? "taken", words, second);
  assert.match(twice("a -> b -> c/../d", line("-", "a")) ?? "taken", words);
  assert.match(twice("a -> ../b -> c", line("h", "a")) ?? "taken", words);
  for (const second of [line("l", "a/b -> /etc"), line("-", "a/bc"), line("-", "a")])
    assert.equal(twice("a/b -> /etc", second), null, second);
  assert.equal(twice("a -> b", line("-", "a")), null);
});

test("Members.add() refuses a link that can be read in many ways", () => {
  const line = (text: string) => `lrwxrwxrwx 0/0 0 2026-11-23 19:00 ${text}`;
  const members = new Members(limits);
  assert.match(
    members.add(line(`l -> ${"/ -> ".repeat(816)}/`)) ?? "taken",
    /^"l -> .{90,200}" has " -> " in its name/,
  );
  assert.match(new Members(limits).add(line(`${"a -> ".repeat(4)}b`)) ?? "taken", /more than 2 times/);
  assert.equal(new Members(limits).add(line(`${"a -> ".repeat(3)}b`)), null);
});

test("Members.add() keeps little of each link, however long it and its name are", () => {
  setFlagsFromString("--expose-gc");
  const collect: () => void = runInNewContext("gc");
  const links = 5000;
  const members = new Members({ bytesMax: 1, filesMax: links + 1 });
  collect();
  const before = process.memoryUsage().heapUsed;
  for (let index = 0; index < links; index += 1) {
    const name = `${"d/".repeat(900)}${index}`;
    assert.equal(members.add(`lrwxrwxrwx 0/0 0 2026-11-23 19:00 ${name} -> /${name} -> /${name}`), null);
  }
  collect();
  const kept = (process.memoryUsage().heapUsed - before) / links;
  assert.ok(kept < 1000, `${kept} bytes of each`);
  const again = `drwxr-xr-x 0/0 0 2026-11-23 19:00 ${"d/".repeat(900)}7/`;
  assert.match(members.add(again.replace("d/", "./d//")) ?? "taken", /is there twice, first as a link/);
});

test("Members.isWhole is false until tar tells of the mark of the end", () => {
  const members = new Members(limits);
  assert.equal(members.add("block 1: -rw-r--r-- 0/0 1 2026-11-23 19:00 ** Block of NULs **"), null);
  assert.equal(members.add("block 3: ** End of File **"), null);
  assert.deepEqual([members.last, members.isWhole], ["** Block of NULs **", false]);
  assert.equal(members.add("block 3: block 4: ** Block of NULs **"), null);
  assert.equal(members.isWhole, true);
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
