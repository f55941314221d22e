import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { DOCUMENT, MEASUREMENT, type Measurement, withTable } from "./sandboxes/document.ts";

const document = readFileSync(DOCUMENT, "utf8");
// npm run compare has written it from this very type.
const measured = JSON.parse(readFileSync(MEASUREMENT, "utf8")) as Measurement;

test("docs/security.md shows what was measured, and nothing else", () => {
  assert.equal(withTable(document, measured), document);
  assert.deepEqual(
    measured.systems.map(({ name }) => name),
    ["Sharku", "Docker", "Podman"],
  );
});

test("withTable() tells another fact otherwise", () => {
  const [sharku, ...others] = measured.systems;
  assert(sharku !== undefined);
  const weaker = { ...sharku, facts: { ...sharku.facts, calls: { ...sharku.facts.calls, ptrace: "ok" } } };
  const table = withTable(document, { ...measured, systems: [weaker, ...others] });
  const counts = (text: string) =>
    /^\| Of the system calls .*? \| (\d+) of (\d+) \|/m.exec(text)?.slice(1) ?? [];
  assert.deepEqual(counts(document)[0], counts(document)[1]);
  assert.equal(Number(counts(table)[0]), Number(counts(document)[0]) - 1);
});

test("withTable() refuses a document that has no place for the table", () => {
  assert.throws(() => withTable("# Security\n", measured), /were wanted/);
});
