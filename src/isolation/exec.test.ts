import assert from "node:assert/strict";
import { test } from "node:test";
import { execCommand, execProcess } from "./exec.ts";
import type { OciProcess } from "./oci.ts";

const app: OciProcess = {
  user: { uid: 1000, gid: 1000, umask: 0o022 },
  args: ["/run/init", "--", "web"],
  env: ["PATH=/bin", "TOKEN=a=b"],
  cwd: "/app",
  noNewPrivileges: true,
  capabilities: { bounding: [], effective: [], inheritable: [], permitted: [], ambient: [] },
  rlimits: [{ type: "RLIMIT_CORE", soft: 1, hard: 1 }],
  oomScoreAdj: 500,
};

test("execProcess() changes the program and nothing that confines it", () => {
  const { args, env, cwd, ...confinement } = execProcess(app, { argv: ["sh", "-c", "id"] });
  const { args: _, env: appEnv, cwd: appCwd, ...wanted } = app;
  assert.deepEqual(confinement, wanted);
  assert.deepEqual(args, ["sh", "-c", "id"]);
  assert.deepEqual([env, cwd], [appEnv, appCwd]);
});

test("execProcess() puts a value in the place of the app's, and leaves the others", () => {
  const { env, cwd } = execProcess(app, { argv: ["id"], env: { TOKEN: "c", MORE: "d=e" }, cwd: "/tmp" });
  assert.deepEqual(env, ["PATH=/bin", "TOKEN=c", "MORE=d=e"]);
  assert.equal(cwd, "/tmp");
});

test("execCommand() has the score set before the runtime runs", () => {
  const argv = execCommand(["crun", "--root=/r"], { process: app, processFile: "/p", containerId: "one" });
  assert.equal(argv.join(" "), "choom -n 500 -- crun --root=/r exec --process /p one");
});
