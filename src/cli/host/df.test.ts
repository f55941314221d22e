import assert from "node:assert/strict";
import { test } from "node:test";
import { startCli } from "../../../test/fakes/cli-call.ts";
import { fakeDf } from "../../../test/fakes/df.ts";

test("df tells each kind that is there, how full the disk is, and what gives some back", async () => {
  await using cli = await startCli();
  const { code, out, err } = await cli.call("df");
  assert.equal(code, 0);
  assert.deepEqual(
    out.split("\n").map((line) => line.replace(/ +/g, " ")),
    [
      "WHAT COUNT IN USE SIZE CAN GO",
      "images 2 1 2G 1G",
      "logs 1 0 1G 1K",
      "run-files 1 1 4K -",
      "all - - 3G 1G",
      "",
      "/var/lib/sharku 90 % of 10G used, 1G free; 50 % of 1000 files",
      "unused images of 1G and 0 files go within a minute",
      "",
    ],
  );
  assert.deepEqual(err.trim().split("\n"), [
    "sharku image prune --all gives back up to 1G",
    "sharku rm ID, of procs that have ended, gives back up to 1K",
  ]);
});

test("df -v tells each thing, and no control character of its name", async () => {
  await using cli = await startCli();
  const { out } = await cli.call("df -v");
  assert.match(out, /^sha256:b{64} +1G +free$/m);
  assert.match(out, /^odd\\x1b\[31m +1K/m);
  assert.deepEqual(JSON.parse((await cli.call("df -v --json")).out), fakeDf);
});
