import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { test } from "node:test";
import { withoutUserNamespace } from "../../src/isolation/rules/user-namespace.ts";
import { makeTar } from "../make-tar.ts";
import { packDirectory } from "./archive.ts";
import { startDaemon } from "./harness.ts";
import { openLab } from "./lab.ts";
import { makePlaces, removePlaces } from "./places.ts";
import { linesOf, untilExited } from "./proc-calls.ts";
import { refusal } from "./template-calls.ts";
import { makeTinyRoot } from "./tiny-root.ts";

/** A host without user namespaces, as far as one that has them can show it. */

const SHARKU = join(import.meta.dirname, "../../bin/sharku");

test("the daemon refuses to start where there are no user namespaces, and names the option", async () => {
  const places = await makePlaces();
  try {
    // In a user namespace of its own the number is its own, too.
    const script = 'echo 0 > /proc/sys/user/max_user_namespaces && exec "$0" "$@"';
    const args = ["serve", "--state-dir", places.stateDir, "--run-dir", places.runDir];
    const child = spawn("unshare", ["--user", "--map-root-user", "sh", "-c", script, SHARKU, ...args], {
      stdio: ["ignore", "ignore", "pipe"],
    });
    const words: Buffer[] = [];
    child.stderr.on("data", (chunk: Buffer) => words.push(chunk));
    const [code] = await once(child, "close");
    const stderr = Buffer.concat(words).toString("utf8");
    assert.equal(code, 78, stderr);
    assert.match(
      stderr,
      /^sharku: Cannot start: this host has no user namespaces.*--insecure-no-userns.*\n$/,
    );
  } finally {
    await removePlaces(places);
  }
});

test("a bundle without a user namespace runs, as an id of its own and without a privilege", async () => {
  await using lab = await openLab();
  const script = [
    "id -u; cat /proc/self/uid_map | tr -s ' '",
    "grep -E '^(Cap(Prm|Eff|Bnd|Amb)|NoNewPrivs|Seccomp):' /proc/self/status",
    "echo x > /tmp/x && cat /tmp/x",
    "echo x > /usr/x || echo refused",
  ].join("\n");
  const { code, lines, stderr } = await lab.run({
    argv: ["/bin/sh", "-c", script],
    change: (config) => withoutUserNamespace(config, config.linux.uidMappings[0]?.hostID ?? 0),
  });
  assert.equal(code, 0, stderr);
  const [uid = "", map, ...rest] = lines;
  assert.ok(Number(uid) > 0x20000000, uid);
  assert.equal(map, " 0 0 4294967295");
  assert.deepEqual(
    rest.map((line) => line.replace(/\s+/, " ")),
    [
      ...["CapPrm", "CapEff", "CapBnd", "CapAmb"].map((name) => `${name}: 0000000000000000`),
      ...["NoNewPrivs: 1", "Seccomp: 2", "x", "refused"],
    ],
  );
});

/** For the daemon, and all that it starts, the host has none: what it reads says 0. */
const HIDE =
  'zero=$(mktemp) && echo 0 >"$zero" && mount --bind "$zero" /proc/sys/user/max_user_namespaces && rm "$zero"';

test("with --insecure-no-userns procs run by each runtime, and templates are refused by name", async (context) => {
  await using daemon = await startDaemon({
    env: { SHARKU_INSECURE_NO_USERNS: "1" },
    wrapper: ["unshare", "--mount", "sh", "-c", `${HIDE} && exec "$0" "$@"`],
  });
  const { client } = daemon;
  const own = { name: "own", body: Buffer.from("its own\n"), mode: 0o600 };
  const { digest: image } = await client.pushImage(new Uint8Array(makeTar([own])));
  const script = "id -u; cat /app/own; echo x > /tmp/x && cat /tmp/x; echo y > /app/y && cat /app/y";
  for (const runtime of ["crun", "runc"]) {
    await context.test(runtime, async () => {
      const command = ["sh", "-c", script];
      const { id } = await client.createProc({ app: "test", name: "one", image, runtime, command });
      const { exit } = await untilExited(client, id);
      const [uid, ...lines] = await linesOf(client, id);
      assert.deepEqual([exit?.code, ...lines], [0, "its own", "x", "y"], exit?.message);
      assert.ok(Number(uid) > 0x20000000, uid);
    });
  }
  await context.test("templates", async () => {
    await using root = await makeTinyRoot();
    const errors = [
      await refusal(client.putTemplateArchive("box", await packDirectory(root.path))),
      await refusal(client.createTemplate({ name: "box", directory: { path: root.path } })),
    ];
    for (const { code, message } of errors) {
      assert.equal(code, "no-user-namespaces", message);
      assert.match(message, /this host has no user namespaces/);
    }
  });
});
