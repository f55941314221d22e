import assert from "node:assert/strict";
import { test } from "node:test";
import { startCli } from "../../../test/fakes/cli-call.ts";

test("info tells of each runtime in a line, the default and what another does without", async () => {
  await using cli = await startCli();
  const { code, out } = await cli.call("info");
  assert.equal(code, 0);
  const lines = out.split("\n").filter((line) => line.startsWith("runtime"));
  assert.deepEqual(lines, [
    "runtime     crun 1.8.1 (default), /usr/bin/crun",
    "runtime     runc 1.1.5, /usr/sbin/runc, without mapped owners",
  ]);
});

test("doctor tells of the runtimes as the daemon found them, with the faults known of them", async () => {
  await using cli = await startCli();
  const { out } = await cli.call("doctor --json");
  const findings: { name: string; status: string; found: string }[] = JSON.parse(out);
  const found = findings.filter(({ name }) => name.startsWith("runtime "));
  assert.deepEqual(
    found.map(({ name, status, found }) => [name, status, found]),
    [
      ["runtime crun", "ok", "crun 1.8.1 (default), /usr/bin/crun; a fault of old"],
      ["runtime runc", "ok", "runc 1.1.5, /usr/sbin/runc, without mapped owners"],
    ],
  );
});
