import assert from "node:assert/strict";
import { test } from "node:test";
import { CapturedOutput } from "../../../test/fakes/terminal.ts";
import { makePaint } from "./colors.ts";
import { drawLine } from "./progress.ts";
import { escapeControls, sanitizeLine } from "./sanitize.ts";
import { cut, printTable, widthOf } from "./table.ts";
import { formatAge, formatSize, parseDuration, parseSize } from "./units.ts";

const plain = makePaint(false);

test("parseSize() takes human sizes in 1024s, and nothing else", () => {
  const sizes = {
    "512M": 512 * 2 ** 20,
    "1.5G": 1.5 * 2 ** 30,
    "64k": 65_536,
    "2GiB": 2 ** 31,
    "1MB": 2 ** 20,
    "7": 7,
    "7B": 7,
  };
  for (const [text, bytes] of Object.entries(sizes)) assert.equal(parseSize(text), bytes, text);
  for (const text of ["", "M", "-1M", "1X", "1 2", "1e3", "0x10", "9999999999999T"])
    assert.equal(parseSize(text), null, text);
});

test("parseDuration() takes times with their units, and a bare 0", () => {
  const times = { "10s": 10_000, "500ms": 500, "1h30m": 5_400_000, "0": 0, "1.5s": 1500, "2d": 172_800_000 };
  for (const [text, ms] of Object.entries(times)) assert.equal(parseDuration(text), ms, text);
  for (const text of ["", "10", "s", "-1s", "10 s", "10x", "s10"])
    assert.equal(parseDuration(text), null, text);
});

test("formatSize() and formatAge() stay within four letters", () => {
  const sizes = new Map([
    [0, "0B"],
    [999, "999B"],
    [1024, "1K"],
    [1536, "1.5K"],
    [1023 * 1024, "1M"],
    [512 * 2 ** 20, "512M"],
  ]);
  for (const [bytes, text] of sizes) assert.equal(formatSize(bytes), text);
  const ages = new Map([
    [-5, "0s"],
    [59_999, "59s"],
    [60_000, "1m"],
    [3_600_000, "1h"],
    [47 * 3_600_000, "47h"],
    [48 * 3_600_000, "2d"],
  ]);
  for (const [ms, text] of ages) assert.equal(formatAge(ms), text);
});

test("sanitizeLine() keeps colours and tabs and drops whatever else would move a terminal", () => {
  const line =
    "\u001b[31mred\u001b[0m\tA\u001b[2J\u001b[10;10HB\u001b]0;title\u0007C\u001b]8;;http://x\u001b\\D\rE\bF\u009b2KG\u001bcH\u001bP1;2qI\u001b\\J\u0007";
  assert.equal(sanitizeLine(line, { colors: true }), "\u001b[31mred\u001b[0m\tABCDEFGHJ\u001b[0m");
  assert.equal(sanitizeLine(line, { colors: false }), "red\tABCDEFGHJ");
});

test("sanitizeLine() leaves no escape behind, however it is cut", () => {
  const pieces = ["\u001b", "[", "]", "P", "31", ";", "m", "x", "\u0007", "\u009b", "\\", "\u009d"];
  for (const a of pieces)
    for (const b of pieces)
      for (const c of pieces)
        for (const d of pieces) {
          const clean = sanitizeLine(a + b + c + d, { colors: false });
          assert.doesNotMatch(clean, /\p{Cc}/u, JSON.stringify(a + b + c + d));
        }
});

test("escapeControls() shows control characters as they would be written", () => {
  assert.equal(escapeControls("a\nb\u001b[2Jc\u009bd"), "a\\nb\\x1b[2Jc\\x9bd");
});

interface Row {
  readonly id: string;
  readonly command: string;
}
const columns = [
  { title: "ID", cell: (row: Row) => row.id, widthMax: 6 },
  { title: "COMMAND", cell: (row: Row) => row.command },
];

test("printTable() never passes the edge of a terminal, and cuts nothing in a pipe", () => {
  const items = [
    { id: "abcdefghij", command: "x".repeat(200) },
    { id: "b", command: "漢字".repeat(100) },
    { id: "c", command: "two\nlines" },
  ];
  const terminal = new CapturedOutput(true);
  printTable(columns, { items, output: terminal, paint: plain });
  assert.equal(terminal.lines.length, 4);
  for (const line of terminal.lines) assert.ok(widthOf(line) <= 80, line);
  assert.equal(terminal.lines[1]?.startsWith("abcde…  xxx"), true);
  const pipe = new CapturedOutput(false);
  printTable(columns, { items, output: pipe, paint: plain });
  assert.equal(pipe.lines[1], `abcdefghij  ${"x".repeat(200)}`);
  assert.equal(pipe.lines[3], "c           two\\nlines");
});

test("cut() counts wide letters as two", () => {
  assert.equal(cut("漢字漢字", 5), "漢字…");
  assert.equal(cut("abcde", 5), "abcde");
});

test("drawLine() fits 80 columns and never promises more than all", () => {
  const shared = { title: "Sending a-very-long-name-of-an-app", paint: plain };
  for (const sentBytes of [0, 5_000_000, 10_000_000, 99_000_000]) {
    const line = drawLine({ ...shared, totalBytes: 10_000_000 }, { sentBytes, elapsedMs: 1234 });
    assert.ok(widthOf(line) <= 80, line);
    assert.ok(Number(/(\d+)%/.exec(line)?.[1]) <= 100, line);
  }
  const half = drawLine(
    { ...shared, title: "Sending x", totalBytes: 2_000_000 },
    { sentBytes: 1_000_000, elapsedMs: 1000 },
  );
  assert.equal(half, "Sending x  ━━━━━━━━━━──────────  50%  977K  977K/s  1s left");
});
