import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { test } from "node:test";

const ROOT = join(import.meta.dirname, "../..");

test("npm run setup does nothing where nothing is missing", () => {
  const first = setup();
  assert.equal(first.status, 0, `${first.stdout}${first.stderr}`);
  const { status, stdout, stderr } = setup();
  assert.equal(status, 0, stderr);
  const deeds = stdout.split("\n").filter((line) => !/^(setup: (note| {2}to do): .*|)$/.test(line));
  assert.deepEqual(deeds, ["setup: everything needed is here"]);
});

function setup() {
  return spawnSync("npm", ["run", "--silent", "setup"], { cwd: ROOT, encoding: "utf8" });
}
