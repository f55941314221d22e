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
  assert.ok(told.length > 0);
  assert.deepEqual(told.sort(), [...new Set(held)].sort());
});
