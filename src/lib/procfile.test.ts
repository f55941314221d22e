import assert from "node:assert/strict";
import { test } from "node:test";
import { ProcfileError, parseProcfile } from "./procfile.ts";

test("parseProcfile() reads names and commands, past comments, blank lines, CRLF and a BOM", () => {
  const text = "\uFEFF# the app\r\n\r\nweb: node server.js --port=$PORT\r\nworker_2:  sh -c 'a: b'\r\n";
  assert.deepEqual(
    { ...parseProcfile(text) },
    { web: "node server.js --port=$PORT", worker_2: "sh -c 'a: b'" },
  );
});

test("parseProcfile() has no process that is not written, whatever its name", () => {
  const processes = parseProcfile("__proto__: x\n");
  assert.equal(processes["constructor"], undefined);
  assert.deepEqual(Object.keys(processes), ["__proto__"]);
});

const bad: [text: string, line: number][] = [
  ["web node server.js", 1],
  ["web: a\n\n# c\nwor ker: b", 4],
  ["web:", 1],
  ["web:   \nx: y", 1],
  ["web: a\nweb: b", 2],
  ["web: a\0b", 1],
  [": a", 1],
];

for (const [text, line] of bad)
  test(`parseProcfile() names line ${line} of ${JSON.stringify(text)}`, () => {
    assert.throws(
      () => parseProcfile(text),
      (error) => error instanceof ProcfileError && error.line === line,
    );
  });
