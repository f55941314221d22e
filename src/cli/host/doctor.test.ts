import assert from "node:assert/strict";
import { test } from "node:test";
import { startCli } from "../../../test/fakes/cli-call.ts";

interface Finding {
  readonly name: string;
  readonly status: string;
  readonly found: string;
  readonly cure: string | null;
}

test("doctor looks at the machine and at the daemon, and fails where one check does", async () => {
  await using cli = await startCli();
  const { code, out } = await cli.call("doctor --json");
  const findings: Finding[] = JSON.parse(out);
  assert.ok(findings.length > 5);
  assert.deepEqual(findings.at(-1), { name: "daemon", status: "ok", found: "0.0.0, ok", cure: null });
  assert.equal(code, findings.some(({ status }) => status === "fail") ? 1 : 0);
  const table = await cli.call("doctor");
  for (const { name } of findings) assert.ok(table.out.includes(`  ${name} `), name);
});

test("doctor says how to start a daemon where none answers, which is no failure", async () => {
  await using cli = await startCli();
  const { out } = await cli.call("doctor --json", {
    env: { SHARKU_HOST: "", SHARKU_SOCKET: "/nowhere.sock" },
  });
  const findings: Finding[] = JSON.parse(out);
  assert.deepEqual(findings.at(-1), {
    name: "daemon",
    status: "warn",
    found: "none answers at /nowhere.sock",
    cure: "start it with: sharku serve",
  });
});
