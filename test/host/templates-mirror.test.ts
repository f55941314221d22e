import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import type { Progress } from "../../src/contract/template.ts";
import { startDaemon } from "./harness.ts";
import { assertSame, takeLedger } from "./ledger.ts";
import { ask, runProc, untilLine } from "./proc-calls.ts";
import { hashTree, outputOn, refusal, versionsDir } from "./template-calls.ts";

/** What needs Debian's mirror: one system is built, and all that follows stands on it. */

const SERVE = `python3 -c '
import http.server, os
class Answer(http.server.BaseHTTPRequestHandler):
  def do_GET(self):
    self.send_response(200); self.end_headers(); self.wfile.write(b"hello from python")
server = http.server.HTTPServer(("", int(os.environ["PORT"])), Answer)
print("serving", flush=True)
server.serve_forever()'`;

test("debootstrap makes a template on which a Python app runs, and others are made of it", async (context) => {
  await using daemon = await startDaemon();
  const { client, places } = daemon;
  const empty = await takeLedger(places);

  await context.test(
    "a suite, a package and a component that do not exist are told, and leave nothing",
    async () => {
      const build = (fields: object) =>
        refusal(client.createTemplate({ name: "x", debootstrap: { suite: "bookworm", ...fields } }));
      assert.equal((await build({ suite: "no-such-suite" })).code, "unknown-suite");
      assert.equal((await build({ components: ["no-such-component"] })).code, "unknown-suite");
      assert.equal((await build({ mirror: "http://deb.debian.org/nowhere" })).code, "bad-mirror");
      const missing = await build({ packages: ["no-such-package"] });
      assert.equal(missing.code, "build-failed");
      assert.match(missing.message, /no-such-package/);
      await assertSame(empty, places);
    },
  );

  const steps: Progress[] = [];
  const py = await client.createTemplate(
    { name: "py", debootstrap: { suite: "bookworm", packages: ["python3"] } },
    { onProgress: (progress) => steps.push(progress) },
  );
  const dir = join(versionsDir(daemon, "py"), String(py.version));
  const before = await hashTree(dir);

  await context.test("its progress goes forward through all phases", () => {
    const percents = steps.flatMap(({ percent }) => percent ?? []);
    assert.deepEqual(
      percents,
      percents.toSorted((a, b) => a - b),
    );
    assert.ok(Number(percents.at(-1)) > 90);
    assert.deepEqual(
      ["checking", "downloading", "unpacking", "configuring", "finishing"].filter(
        (phase) => !steps.some((step) => step.phase === phase),
      ),
      [],
    );
  });

  await context.test("what one did by hand is done: sources, user, names, no leftovers", async () => {
    const { debootstrap } = py.source;
    assert.deepEqual(
      [debootstrap?.variant, debootstrap?.packages, py.kind],
      ["minbase", ["python3"], "debootstrap"],
    );
    const sources = await readFile(join(dir, "rootfs/etc/apt/sources.list"), "utf8");
    assert.match(sources, /^deb http\S+ bookworm main/);
    const seen = await outputOn(
      client,
      "py",
      "id -un; pwd; [ -s /etc/machine-id ] || echo none; ls /debootstrap /var/lib/apt/lists 2>/dev/null; grep -c . /etc/resolv.conf; find / -xdev -perm /6000 -type f 2>/dev/null; echo end",
    );
    assert.deepEqual(seen.slice(0, 3), ["app", "/app", "none"]);
    assert.ok(Number(seen.at(-2)) > 0, `names are resolved: ${seen.join("; ")}`);
  });

  await context.test("a Python app answers on it", async () => {
    const proc = await runProc(client, { template: "py", command: SERVE });
    await untilLine(client, proc.id, /serving/);
    assert.equal(await ask(proc), "hello from python");
    await client.deleteProc(proc.id, { graceMs: 0 });
  });

  await context.test("packages are added to a copy", async () => {
    const more = await client.createTemplate({
      name: "more",
      from: { template: "py", packages: ["hello"], script: "hello >/etc/greeting" },
    });
    assert.equal(more.source.from?.version, py.version);
    assert.deepEqual(await outputOn(client, "more", "cat /etc/greeting"), ["Hello, world!"]);
    const failed = await refusal(
      client.createTemplate({ name: "less", from: { template: "py", packages: ["no-such-package"] } }),
    );
    assert.equal(failed.code, "build-failed");
    assert.match(failed.message, /Unable to locate package no-such-package/);
  });

  await context.test(
    "nothing of all that has touched it, and nothing is left when they are removed",
    async () => {
      assert.equal(await hashTree(dir), before);
      await daemon.deleteAll();
      await client.deleteTemplate("more");
      await client.deleteTemplate("py");
      await assertSame(empty, places);
    },
  );
});
