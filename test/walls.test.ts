import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { suite, test } from "node:test";
import { reachesOf } from "./law/imports.ts";
import { projectFiles, ROOT, readProjectFile, sourceFiles } from "./law/project.ts";
import { dependencies, devDependencies, judgeFile, readWalls } from "./law/walls.ts";

/** Who may import whom. The table is the one of ARCHITECTURE.md: there is no second copy. */
const walls = readWalls(readProjectFile("ARCHITECTURE.md"));

test("no file reaches through a wall", async () => {
  const faults = (await sourceFiles()).flatMap((file) => judgeFile(file, walls));
  assert.deepEqual(faults, []);
});

test("every room stands in the table, and nothing else does", () => {
  const rooms = readdirSync(join(ROOT, "src")).filter((name) => !name.endsWith(".test.ts"));
  assert.deepEqual([...walls.keys()].sort(), rooms.sort());
});

test("the table names rooms that exist, by names that the judge knows", () => {
  const known = new Set(["all", ...walls.keys(), ...[...walls.keys()].map((room) => `type ${room}`)]);
  const unknown = [...walls].flatMap(([room, names]) =>
    names.filter((name) => !known.has(name)).map((name) => `${room}: ${name}`),
  );
  assert.deepEqual(unknown, []);
});

test("every package is on the list with its reason, and is used", async () => {
  const manifest: { dependencies: object; devDependencies: object } = JSON.parse(
    readProjectFile("package.json"),
  );
  assert.deepEqual(Object.keys(manifest.dependencies).sort(), Object.keys(dependencies).sort());
  assert.deepEqual(Object.keys(manifest.devDependencies).sort(), Object.keys(devDependencies).sort());
  const program = (await projectFiles()).filter(({ path }) => /^src\/.*(?<!\.test)\.ts$/.test(path));
  const used = new Set(program.flatMap(({ text }) => reachesOf(text).map(({ specifier }) => specifier)));
  const unused = Object.keys(dependencies).filter(
    (name) => ![...used].some((specifier) => specifier === name || specifier?.startsWith(`${name}/`)),
  );
  assert.deepEqual(unused, []);
});

suite("reachesOf()", () => {
  const cases: readonly (readonly [
    title: string,
    source: string,
    found: readonly (readonly [string | null, boolean])[],
  ])[] = [
    ["an import over several lines", 'import {\n  a,\n  type B,\n} from "./x.ts";\n', [["./x.ts", false]]],
    ["a type import", 'import type { A } from "./x.ts";', [["./x.ts", true]]],
    ["a type import over several lines", 'import type {\n  A,\n  B,\n} from "./x.ts";', [["./x.ts", true]]],
    ["inline types, for which the module is loaded", 'import { type A } from "./x.ts";', [["./x.ts", false]]],
    ["a default import that is called type", 'import type from "./x.ts";', [["./x.ts", false]]],
    ["an import for its effect", 'import "./x.ts";', [["./x.ts", false]]],
    ["a namespace", 'import * as x from "./x.ts";', [["./x.ts", false]]],
    ["single quotes", "import { a } from './x.ts';", [["./x.ts", false]]],
    [
      "no space and no semicolon",
      'import{a}from"./x.ts"\nimport{b}from"./y.ts"',
      [
        ["./x.ts", false],
        ["./y.ts", false],
      ],
    ],
    [
      "two on a line",
      'import "./x.ts"; import "./y.ts";',
      [
        ["./x.ts", false],
        ["./y.ts", false],
      ],
    ],
    ["a re-export", 'export { a } from "./x.ts";', [["./x.ts", false]]],
    ["a re-export of all", 'export * from "./x.ts";', [["./x.ts", false]]],
    ["a re-export of types", 'export type { A } from "./x.ts";', [["./x.ts", true]]],
    ["a dynamic import", 'const x = await import("./x.ts");', [["./x.ts", false]]],
    ["a dynamic import over lines", 'load(await import(\n  "./x.ts"\n));', [["./x.ts", false]]],
    ["a computed import", "const x = await import(name);", [[null, false]]],
    ["a computed import by a template", "const x = await import(`./$" + "{name}.ts`);", [[null, false]]],
    ["the type of a module", 'let x: typeof import("./x.ts");', [["./x.ts", true]]],
    ["a type out of a module", 'let x: import("./x.ts").A;', [["./x.ts", true]]],
    ["none in a comment", '// import "./x.ts";\n/* import "./y.ts"; */', []],
    ["none in a string", 'const text = `\nimport "./x.ts";\n`;', []],
    ["none in an export of its own", 'export const a = "from";\nexport type B = "x" | "y";', []],
    ["none in import.meta", 'const here = import.meta.url + "x";', []],
    ["one behind a regular expression with a quote", 'const a = /"/;\nimport "./x.ts";', [["./x.ts", false]]],
    ["one in a placeholder", "const a = `$" + '{await import("./x.ts")}`;', [["./x.ts", false]]],
  ];
  for (const [title, source, found] of cases)
    test(`finds ${title}`, () => {
      assert.deepEqual(
        reachesOf(source).map(({ specifier, typeOnly }) => [specifier, typeOnly]),
        found,
      );
    });
});

suite("judgeFile()", () => {
  const refused: readonly (readonly [path: string, source: string, fault: RegExp])[] = [
    [
      "src/contract/proc.ts",
      'import { a } from "../isolation/bundle.ts";',
      /^src\/contract\/proc\.ts:1: contract may not import isolation/,
    ],
    ["src/contract/proc.ts", 'import fastify from "fastify";', /contract may not import "fastify"/],
    ["src/contract/proc.ts", 'import { join } from "node:path";', /contract may not import node:path/],
    ["src/procs/procs.ts", 'import type { A } from "../store/store.ts";', /procs may not import store/],
    [
      "src/isolation/isolation.ts",
      'import {\n  type A,\n} from "../procs/needs.ts";',
      /isolation may not import procs; only its types/,
    ],
    [
      "src/isolation/rules/limits.ts",
      'import { a } from "../../network/network.ts";',
      /isolation may not import network/,
    ],
    ["src/api/server.ts", 'export * from "../store/store.ts";', /api may not import store/],
    [
      "src/api/server.ts",
      'await import("../daemon/wire.ts");',
      /nobody but src\/sharku\.ts may import daemon/,
    ],
    [
      "scripts/start.ts",
      'import { wire } from "../src/daemon/wire.ts";',
      /nobody but src\/sharku\.ts may import daemon/,
    ],
    ["src/client/client.ts", 'import { a } from "../lib/lane.ts";', /client may not import lib/],
    ["src/client/client.ts", 'import { Agent } from "node:http";', /client may not import node:http/],
    ["src/client/client.ts", 'import Type from "typebox";', /client may not import "typebox"/],
    ["src/cli/cli.ts", 'import { a } from "../procs/plan.ts";', /cli may not import procs/],
    ["src/cli/cli.ts", 'import chalk from "chalk";', /package "chalk" is not on the list/],
    ["src/lib/lane.ts", 'import { a } from "../procs/plan.ts";', /lib may not import procs/],
    [
      "src/lib/lane.ts",
      'import { a } from "../../test/samples.ts";',
      /the program may not import "test\/samples\.ts"/,
    ],
    ["src/procs/procs.test.ts", 'import { a } from "../store/store.ts";', /procs may not import store/],
    ["src/unknown/a.ts", 'import { a } from "../lib/lane.ts";', /room unknown is not in the table/],
    ["src/api/server.ts", "await import(path);", /what it imports is computed/],
  ];
  for (const [path, source, fault] of refused)
    test(`refuses in ${path}: ${source.replaceAll("\n", " ")}`, () => {
      const faults = judgeFile({ path, text: `${source}\n` }, walls);
      assert.equal(faults.length, 1, faults.join("\n"));
      assert.match(faults[0] ?? "", fault);
    });

  const taken: readonly (readonly [path: string, source: string])[] = [
    ["src/store/store.ts", 'import type { ProcStore } from "../procs/needs.ts";'],
    ["src/procs/plan.ts", 'import { moves } from "../contract/states.ts";'],
    ["src/client/transport.ts", 'import type { Static } from "typebox";'],
    ["src/store/store.test.ts", 'import { sampleProc } from "../../test/samples.ts";'],
    [
      "src/store/worker.ts",
      'import { a } from "./handlers.ts";\nimport { DatabaseSync } from "node:sqlite";',
    ],
    ["src/daemon/wire.ts", 'import { Procs } from "../procs/procs.ts";'],
    ["src/sharku.ts", 'await import("./daemon/main.ts");'],
    ["test/host/any.test.ts", 'import { wire } from "../../src/daemon/wire.ts";'],
  ];
  for (const [path, source] of taken)
    test(`takes in ${path}: ${source.replaceAll("\n", " ")}`, () => {
      assert.deepEqual(judgeFile({ path, text: source }, walls), []);
    });
});
