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

test("doctor looks at the directory and the port range that sharku serve is given by the same variables", async () => {
  await using cli = await startCli();
  const env = { SHARKU_PORT_RANGE: "2000-2999", SHARKU_STATE_DIR: "/var/lib/sharku-other" };
  const findings: Finding[] = JSON.parse((await cli.call("doctor --json", { env })).out);
  const foundBy = (name: string) => findings.find((finding) => finding.name === name)?.found ?? "";
  assert.match(foundBy("port range"), /^2000-2999\b/);
  assert.match(foundBy("free disk space"), /\/var\/lib\/sharku-other/);
});

test("doctor refuses a port range that sharku serve would refuse", async () => {
  await using cli = await startCli();
  for (const range of ["2000", "5-9", "9000-8000", "2000-70000"]) {
    const { code, err } = await cli.call("doctor", { env: { SHARKU_PORT_RANGE: range } });
    assert.equal(code, 2);
    assert.match(err, /Cannot use SHARKU_PORT_RANGE "[\d-]+": wanted two ports/);
  }
});
