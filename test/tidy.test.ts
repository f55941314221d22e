import assert from "node:assert/strict";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { suite, test } from "node:test";
import { projectFiles, ROOT, readProjectFile, sourceFiles } from "./law/project.ts";
import { FUNCTION_LINES_MAX, judgeSource, LINES_MAX, longFiles } from "./law/tidy.ts";

/** Doors that are not called after their room. */
const doors: Readonly<Record<string, string>> = { api: "server.ts", daemon: "main.ts" };

/** Rooms of many small doors: each file opens by itself, and there is no life to have invariants. */
const withoutDoor = ["contract", "lib"];

/** Rooms that keep nothing, so that there is nothing to hold. */
const withoutInvariants = ["client", "cli"];

test("every source keeps the rules of style", async () => {
  const faults = (await sourceFiles()).flatMap(judgeSource);
  assert.deepEqual(faults, []);
});

test("the list of long files holds none that is short, or gone", async () => {
  const lengths = new Map(
    (await sourceFiles()).map(({ path, text }) => [path, text.trimEnd().split("\n").length]),
  );
  const stale = Object.keys(longFiles).filter((path) => (lengths.get(path) ?? 0) <= LINES_MAX);
  assert.deepEqual(stale, []);
});

test("every room opens with a door that says what it does and its invariants", () => {
  const rooms = readdirSync(join(ROOT, "src"), { withFileTypes: true }).filter((entry) =>
    entry.isDirectory(),
  );
  const faults = rooms.flatMap(({ name }) => {
    if (withoutDoor.includes(name)) return [];
    const door = `src/${name}/${doors[name] ?? `${name}.ts`}`;
    if (!existsSync(join(ROOT, door))) return [`${door}: not there; a room's door is named after the room`];
    const comment = headComment(readProjectFile(door));
    if (comment === null) return [`${door}: open with a comment on what the room does and what it does not`];
    if (withoutInvariants.includes(name) || /^ \* INVARIANTS$/m.test(comment)) return [];
    return [`${door}: the comment at its head lacks a part INVARIANTS`];
  });
  assert.deepEqual(faults, []);
});

test("every file of contract and lib says what it is for", async () => {
  const files = (await sourceFiles()).filter(({ path }) =>
    /^src\/(?:contract|lib)\/(?!.*\.test\.ts$)/.test(path),
  );
  assert.ok(files.length > 0);
  const silent = files.filter(({ text }) => !text.includes("/**")).map(({ path }) => path);
  assert.deepEqual(silent, []);
});

test("nothing speaks of where and by what the project was made", async () => {
  // Put together here, so that this file does not hold what it looks for.
  const words = new RegExp(
    [
      `farm-${"(bench|studio)"}`,
      `sub${"agent"}`,
      `/wor${"k"}/`,
      `\\b${"C"}EO\\b`,
      `\\bthis ses${"sion"}\\b`,
    ].join("|"),
    "i",
  );
  const faults = (await projectFiles())
    .filter(({ path }) => path !== "package-lock.json")
    .flatMap(({ path, text }) =>
      text
        .split("\n")
        .flatMap((line, index) => (words.test(line) ? [`${path}:${index + 1}: ${line.trim()}`] : [])),
    );
  assert.deepEqual(faults, [], "say it in the project's own words, or leave it out");
});

test("the lockfile names no registry's host", () => {
  assert.doesNotMatch(readProjectFile("package-lock.json"), /"resolved": "https?:/);
});

/** The first doc comment, with nothing but imports before it. */
function headComment(text: string): string | null {
  const match = /^(?:import [\s\S]*?;\n+)*(?:(?:export )?const \w+ = [^;{]*;\n+)*\/\*\*[\s\S]*?\*\//.exec(
    text,
  );
  return match?.[0] ?? null;
}

suite("judgeSource()", () => {
  const many = (count: number) => "  work();\n".repeat(count);
  const refused: readonly (readonly [path: string, text: string, fault: RegExp])[] = [
    ["src/procs/a.ts", "work();\n".repeat(LINES_MAX + 1), /it has 401 lines, at most 400/],
    ["src/procs/a.ts", "export default class A {}\n", /no default exports/],
    ["src/procs/a.ts", "let count = 0;\n", /no state in modules/],
    ["src/procs/a.ts", "export let count = 0;\n", /no state in modules/],
    ["src/procs/a.ts", "const now = Date.now();\n", /take the clock as a need/],
    ["src/procs/a.ts", "const now = new Date();\n", /take the clock as a need/],
    ["src/procs/a.ts", "const dice = Math.random();\n", /take randomness as a need/],
    ["src/procs/a.ts", `// ${"TO" + "DO"}: later\n`, /finish it now/],
    ["src/procs/a.ts", `// @ts-${"ignore"}\n`, /instead of silencing it/],
    ["src/procs/a.test.ts", `test.${"skip"}("a", () => undefined);\n`, /run every test/],
    ["src/procs/a.test.ts", `test("a", { ${"skip"}: isLate }, () => undefined);\n`, /run every test/],
    ["src/procs/a.ts", "while (true) {\n  work();\n}\n", /what bounds this loop/],
    ["src/procs/a.ts", "for (;;) {\n  work();\n}\n", /what bounds this loop/],
    ["src/procs/a.ts", "for (let at = first(1); ; at += 1) {\n  work();\n}\n", /what bounds this loop/],
    ["src/procs/a.ts", `function a(): void {\n${many(69)}}\n`, /a function of 71 lines, at most 70/],
    ["src/procs/a.ts", `const a = async (b: string) => {\n${many(69)}};\n`, /a function of 71 lines/],
    [
      "src/procs/a.ts",
      `export function a(\n  b: string,\n  c: string,\n): void {\n${many(66)}}\n`,
      /a\.ts:1: a function of 71/,
    ],
    [
      "src/procs/a.ts",
      `class A {\n  async #a(b: string): Promise<void> {\n${many(69)}  }\n}\n`,
      /a\.ts:2: a function of 71/,
    ],
    ["test/a.test.ts", `test("a", () => {\n${many(69)}});\n`, /a function of 71 lines/],
  ];
  for (const [path, text, fault] of refused)
    test(`refuses ${fault.source} in ${path}`, () => {
      const faults = judgeSource({ path, text });
      assert.equal(faults.length, 1, faults.join("\n"));
      assert.match(faults[0] ?? "", fault);
    });

  const taken: readonly (readonly [path: string, text: string])[] = [
    ["src/procs/a.ts", "work();\n".repeat(LINES_MAX)],
    ["src/procs/a.ts", 'const text = "Date.now() while (true) let a";\n'],
    ["src/procs/a.ts", "function a() {\n  let count = 0;\n}\n"],
    ["src/procs/a.ts", "const then = new Date(0);\n"],
    ["src/lib/clock.ts", "const now = new Date();\n"],
    ["src/procs/a.ts", "// Ends when the queue is empty.\nwhile (true) {\n  work();\n}\n"],
    ["src/procs/a.ts", "for (let at = 0; at < 3; at += 1) work();\n"],
    ["src/procs/a.ts", `function a(): void {\n${many(FUNCTION_LINES_MAX - 2)}}\n`],
    ["src/procs/a.ts", `class A {\n${"  #a = 1;\n".repeat(80)}}\n`],
    ["test/a.test.ts", `suite("a", () => {\n${many(80)}});\n`],
  ];
  for (const [path, text] of taken)
    test(`takes ${JSON.stringify(text.slice(0, 50))} in ${path}`, () => {
      assert.deepEqual(judgeSource({ path, text }), []);
    });
});
