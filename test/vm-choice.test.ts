import assert from "node:assert/strict";
import { test } from "node:test";
import { projectFiles } from "./law/project.ts";
import { chooseFiles } from "./vm/choice.ts";

const file = (path: string, text = "") => ({ path, text });
const mirror = file(
  "test/host/debootstrap.test.ts",
  "import …;\n\n// Not on the stock machine: Debian's mirror\n",
);
const few = [file("test/host/limits.test.ts"), file("test/host/stop.test.ts"), mirror];

test("chooseFiles() takes the files that are named, in that order", () => {
  const choice = chooseFiles(["stop", "test/host/limits.test.ts"], few);
  assert.deepEqual(choice, { files: ["test/host/stop.test.ts", "test/host/limits.test.ts"], leftOut: [] });
});

test("chooseFiles() takes all but those that say what the machine lacks, and tells them", () => {
  assert.deepEqual(chooseFiles(["--all"], few), {
    files: ["test/host/limits.test.ts", "test/host/stop.test.ts"],
    leftOut: [{ file: mirror.path, lacks: "Debian's mirror" }],
  });
});

test("chooseFiles() refuses a name that no file has, and tells those that there are", () => {
  assert.throws(() => chooseFiles(["limit"], few), /Cannot run "limit": .* limits, stop, debootstrap$/);
});

test("chooseFiles() finds its usual files among the project's", async () => {
  const files = (await projectFiles()).filter(({ path }) =>
    /^test\/(?:host|vm)\/[^/]*\.test\.ts$/.test(path),
  );
  const { files: chosen, leftOut } = chooseFiles([], files);
  assert.ok(chosen.length > 5 && chosen.length < files.length);
  assert.deepEqual(leftOut, []);
});
