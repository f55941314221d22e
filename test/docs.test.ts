import assert from "node:assert/strict";
import { existsSync, readdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { findCommand } from "../src/cli/arguments.ts";
import { commands } from "../src/cli/commands.ts";
import { liveLimitOptions, startLimitOptions } from "../src/cli/proc/limit-options.ts";
import { errorCatalogue } from "../src/contract/errors.ts";
import { finalStates, moves, procStates } from "../src/contract/states.ts";
import { parseConfig, serveHelp } from "../src/daemon/config.ts";
import { blocksOf, codeOf, linksOf, partOf, rowsOf } from "./law/documents.ts";
import { projectFiles, ROOT, readProjectFile } from "./law/project.ts";

/** What the documents say that the code says too: the two are compared. */

const readme = readProjectFile("README.md");
const documents = (await projectFiles()).filter(({ path }) => /\.md$/.test(path));

test("docs/errors.md tells about every error code under its status, and about no other", () => {
  const told = readProjectFile("docs/errors.md")
    .split(/^## /m)
    .slice(1)
    .flatMap((part) => {
      const status = Number.parseInt(part, 10);
      return [...part.matchAll(/^### `([^`]+)`\n(.*)$/gm)].map(([, code = "", words = ""]) => {
        assert.match(words, /\w/, `${code} is told in words`);
        return `${status} ${code}`;
      });
    });
  const known = Object.entries(errorCatalogue).map(([code, [status]]) => `${status} ${code}`);
  assert.deepEqual(told.sort(), known.sort());
});

test("every link of a document leads to a file", () => {
  const broken = documents.flatMap(({ path, text }) =>
    linksOf(text)
      .filter((target) => !existsSync(join(ROOT, dirname(path), target)))
      .map((target) => `${path}: ${target}`),
  );
  assert.deepEqual(broken, []);
});

test("every file and folder that the documents for developers name is there", () => {
  const named = ["ARCHITECTURE.md", "HACKING.md"].flatMap((path) =>
    codeOf(readProjectFile(path))
      .filter((word) => /^(?:src|test|docs|scripts|bin|setup)\/[\w./-]+$/.test(word))
      .map((word) => ({ path, word })),
  );
  assert.ok(named.length > 10);
  const gone = named.filter(({ word }) => !existsSync(join(ROOT, word)));
  assert.deepEqual(gone, []);
});

test("every npm script that a document names is there", () => {
  const manifest: { scripts: Record<string, string> } = JSON.parse(readProjectFile("package.json"));
  const known = new Set([...Object.keys(manifest.scripts), "ci"]);
  const unknown = documents.flatMap(({ path, text }) =>
    [...text.matchAll(/(?:`|^ {4})npm (?:run )?([a-z]+)\b/gm)]
      .map(([, script = ""]) => script)
      .filter((script) => !known.has(script))
      .map((script) => `${path}: npm run ${script}`),
  );
  assert.deepEqual(unknown, []);
});

test("the state diagram of ARCHITECTURE.md is the table of moves", () => {
  const diagram = blocksOf(readProjectFile("ARCHITECTURE.md")).find(({ language }) => language === "mermaid");
  const drawn = [...(diagram?.text ?? "").matchAll(/^ +(\S+) --> (\S+)$/gm)].map(
    ([, from, to]) => `${from} ${to}`,
  );
  const known = [
    `[*] ${procStates[0]}`,
    ...procStates.flatMap((from) => moves[from].map((to) => `${from} ${to}`)),
    ...finalStates.map((state) => `${state} [*]`),
  ];
  assert.deepEqual(drawn.sort(), known.sort());
});

test("the steps that ARCHITECTURE.md tells are those of the plan", () => {
  const kinds = [...readProjectFile("src/procs/plan.ts").matchAll(/^ +\| \{\s+readonly kind: "(\w+)"/gm)].map(
    ([, kind = ""]) => kind,
  );
  const part = partOf(readProjectFile("ARCHITECTURE.md"), "The life of a proc");
  const told = rowsOf(part).flatMap(([names = ""]) => codeOf(names));
  assert.ok(kinds.length > 0);
  assert.deepEqual(told.sort(), kinds.sort());
});

test("the README's table of commands is the command's own", () => {
  const told = rowsOf(partOf(readme, "The command"))
    .flatMap(([names = ""]) => codeOf(names))
    .filter((words) => words.startsWith("sharku "));
  const known = commands.map(({ path }) => `sharku ${path.join(" ")}`);
  assert.deepEqual(told.sort(), known.sort());
});

test("the README's table of limits is that of run, with the same defaults, and says which are live", () => {
  const told = rowsOf(partOf(readme, "Templates and limits")).map(
    ([name = "", , fallback = "", live = ""]) => `${codeOf(name)[0]} ${fallback} ${live}`,
  );
  const known = Object.entries({ ...liveLimitOptions, ...startLimitOptions }).map(([name, { help }]) => {
    const fallback = /\(default (.*)\)$/.exec(help)?.[1];
    return `--${name} ${fallback} ${Object.hasOwn(liveLimitOptions, name) ? "yes" : ""}`;
  });
  assert.deepEqual(told.sort(), known.sort());
});

test("every call of the command in a document is one that it knows", () => {
  const calls = documents.flatMap(({ path, text }) => {
    const code = [
      ...blocksOf(text)
        .filter(({ language }) => language === "sh")
        .map((block) => block.text),
      ...codeOf(text),
    ];
    return code
      .join("\n")
      .split("\n")
      .map((line) => /^(?:\w+=\S* )*(?:bin\/)?sharku ([a-z].*)$/.exec(line.trim())?.[1])
      .filter((words) => words !== undefined)
      .map((words) => ({ path, words }));
  });
  assert.ok(calls.length > 10);
  const unknown = calls.filter(({ words }) => isUnknown(words.split(/\s+/)));
  assert.deepEqual(unknown, []);
});

test("the README's table of the daemon's options is that of serve --help, with the same defaults", () => {
  const told = rowsOf(partOf(readme, "The command"))
    .filter(([name = ""]) => name.startsWith("`--"))
    .map(([name = "", , fallback = ""]) => `${codeOf(name)[0]} ${fallback.replaceAll("`", "")}`);
  const helped = [...serveHelp.matchAll(/^ {2}(--[a-z-]+) [A-Z].*\((.*)\)$/gm)].map(
    ([, name, fallback]) => `${name} ${fallback}`,
  );
  assert.ok(helped.length > 0);
  assert.deepEqual(told.sort(), helped.sort());
});

test("the defaults that serve --help names are those that the daemon takes", () => {
  const config = parseConfig([], {});
  assert.ok(config !== "help");
  const { stateDir, runDir, listen, portRange } = config;
  for (const value of [
    stateDir,
    runDir,
    `${listen.host}:${listen.port}`,
    `${portRange.first}-${portRange.last}`,
  ])
    assert.ok(serveHelp.includes(`(${value})`), value);
});

test("every decision has a number, without gaps, its parts, and a line in the list", () => {
  const files = readdirSync(join(ROOT, "docs/decisions"))
    .filter((name) => name !== "README.md")
    .sort();
  const list = readProjectFile("docs/decisions/README.md");
  for (const [index, file] of files.entries()) {
    assert.match(file, new RegExp(`^${String(index + 1).padStart(4, "0")}-[a-z0-9-]+\\.md$`));
    const text = readProjectFile(`docs/decisions/${file}`);
    assert.match(text, new RegExp(`^# ${index + 1}\\. \\w`), file);
    assert.match(text, /^\*\*Decision\.\*\*/m, file);
    assert.match(text, /^\*\*Because\*\*/m, file);
    const title = /^# (.*)$/m.exec(text)?.[1];
    assert.ok(list.includes(`- [${title}](${file})`), `docs/decisions/README.md lists ${file} by its title`);
  }
});

/** `image push` is known, `image` alone and `imag push` are not. */
function isUnknown(words: readonly string[]): boolean {
  try {
    return findCommand(commands, words).command === null;
  } catch {
    return true;
  }
}
