import assert from "node:assert/strict";
import { test } from "node:test";
import { projectFiles } from "./law/project.ts";
import { chooseFiles } from "./vm/choice.ts";

const few = ["test/host/limits.test.ts", "test/host/stop.test.ts", "test/host/template-mirror.test.ts"];

test("chooseFiles() takes the files that are named, in that order", () => {
  const choice = chooseFiles(["stop", "test/host/limits.test.ts"], few);
  assert.deepEqual(choice, { files: ["test/host/stop.test.ts", "test/host/limits.test.ts"], leftOut: [] });
});

test("chooseFiles() takes all but those that need what the machine lacks, and tells them", () => {
  assert.deepEqual(chooseFiles(["--all"], few), {
    files: ["test/host/limits.test.ts", "test/host/stop.test.ts"],
    leftOut: [{ file: "test/host/template-mirror.test.ts", lacks: "Debian's mirror" }],
  });
});

test("chooseFiles() refuses a name that no file has, and tells those that there are", () => {
  assert.throws(() => chooseFiles(["limit"], few), /Cannot run "limit": .* limits, stop, template-mirror$/);
});

test("chooseFiles() finds its usual files among the project's", async () => {
  const paths = (await projectFiles()).map(({ path }) => path);
  const files = paths.filter((path) => /^test\/(?:host|vm)\/[^/]*\.test\.ts$/.test(path));
  const { files: chosen, leftOut } = chooseFiles([], files);
  assert.ok(chosen.length > 5 && chosen.length < files.length);
  assert.deepEqual(leftOut, []);
});
