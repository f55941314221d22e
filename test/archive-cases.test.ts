import assert from "node:assert/strict";
import { test } from "node:test";
import { readProjectFile } from "./law/project.ts";

test("each case of archives in docs/security.md has its test, and each test its case", () => {
  const rows = [...readProjectFile("docs/security.md").matchAll(/^\| (\d+) \|.*\| `(test\/\S+)` \|$/gm)];
  const told = rows.map(([, number, file]) => `${file} ${number}`);
  const files = [...new Set(rows.map(([, , file = ""]) => file))];
  const held = files.flatMap((file) =>
    [...readProjectFile(file).matchAll(/\btest\(\s*["`]case (\d+): /g)].map(
      ([, number]) => `${file} ${number}`,
    ),
  );
  const numbers = rows.map(([, number]) => Number(number));
  assert.deepEqual(
    numbers,
    [51, 52, 54, 55, 56, 57, 58, 60, 61, 62, 64, 66, 67],
    "the catalogue's cases of archives",
  );
  assert.deepEqual(told.sort(), [...new Set(held)].sort());
});
