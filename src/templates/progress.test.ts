import assert from "node:assert/strict";
import { test } from "node:test";
import type { Progress } from "../contract/template.ts";
import { AptReader, DebootstrapReader, ProgressTeller } from "./progress.ts";

function teller(): { told: Progress[]; teller: ProgressTeller } {
  const told: Progress[] = [];
  return { told, teller: new ProgressTeller((progress) => told.push(progress)) };
}

test("ProgressTeller never goes back, keeps its percent where nobody can tell, and says only a script's words twice", () => {
  const { told, teller: one } = teller();
  one.tell("downloading", "a", 40.4);
  one.tell("downloading", "b", 20);
  one.tell("unpacking", "c");
  one.tell("unpacking", "c");
  one.tell("running", "d");
  one.tell("running", "d");
  one.tell("finishing", "x".repeat(500), 400);
  assert.deepEqual(
    told.map(({ percent, message }) => [percent, message.slice(0, 1), message.length]),
    [
      [40, "a", 1],
      [40, "b", 1],
      [40, "c", 1],
      [40, "d", 1],
      [40, "d", 1],
      [100, "x", 200],
    ],
  );
});

test("DebootstrapReader tells the phases of a debootstrap, forward to almost the end", () => {
  const { told, teller: one } = teller();
  const reader = new DebootstrapReader(one);
  const packages = Array.from({ length: 30 }, (_, index) => `package${index}`);
  const each = (verb: string, end: string) => packages.map((name) => `I: ${verb} ${name}${end}`);
  const lines = [
    "W: not of interest",
    "I: Retrieving InRelease ",
    "I: Checking Release signature",
    ...each("Retrieving", " 1.0-1"),
    ...each("Validating", " 1.0-1"),
    ...each("Extracting", "..."),
    "I: Installing core packages...",
    "I: Unpacking required packages...",
    ...each("Unpacking", "..."),
    "I: Configuring required packages...",
    ...each("Configuring", "..."),
    "I: Base system installed successfully.",
  ];
  for (const line of lines) reader.add(line);
  const percents = told.flatMap(({ percent }) => percent ?? []);
  assert.deepEqual(
    percents,
    percents.toSorted((a, b) => a - b),
  );
  assert.equal(percents.at(-1), 95);
  const phases = told.map(({ phase }) => phase).filter((phase, at, all) => phase !== all[at - 1]);
  assert.deepEqual(phases, ["downloading", "unpacking", "configuring"]);
  assert.equal(told[0]?.message, "Retrieving InRelease");
});

test("AptReader maps apt's own percent into its part of the whole", () => {
  const { told, teller: one } = teller();
  const reader = new AptReader(one, { phase: "installing", from: 40, to: 60 });
  for (const line of [
    "dlstatus:1:50:Retrieving file 1 of 2",
    "Get:1 http://x",
    "pmstatus:tzdata:100:Installed: it",
  ])
    reader.add(line);
  assert.deepEqual(told, [
    { phase: "installing", percent: 50, message: "Retrieving file 1 of 2" },
    { phase: "installing", percent: 60, message: "Installed: it" },
  ]);
});
