import assert from "node:assert/strict";
import { type FSWatcher, watch } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { after, before, suite, test } from "node:test";
import type { ProcSpec } from "../../src/client/client.ts";
import { makeTar } from "../make-tar.ts";
import { startDaemon, type TestDaemon } from "./harness.ts";
import { untilExited } from "./proc-calls.ts";
import { pushBytes } from "./push-bytes.ts";

/** However many want an image at once: it comes once and is unpacked once. */

const PROCS = 100;
/** As many as are taken in at once. */
const PUSHES = 8;
const spec: ProcSpec = { app: "once", name: "web", command: ["cat", "word"], network: { mode: "none" } };

suite("one image for many", () => {
  let daemon: TestDaemon;
  const bundles = new Set<string>();
  let watcher: FSWatcher;

  before(async () => {
    daemon = await startDaemon();
    // Each container has a bundle of its own: those of the procs, and those that unpack.
    watcher = watch(join(daemon.places.runDir, "bundles"), (_, name) => name !== null && bundles.add(name));
  });
  after(async () => {
    watcher.close();
    await daemon[Symbol.asyncDispose]();
  });

  async function runToEnd(image: string): Promise<void> {
    const procs = await Promise.all(
      Array.from({ length: PROCS }, () => daemon.client.createProc({ ...spec, image })),
    );
    for (const { id } of procs) {
      const { exit } = await untilExited(daemon.client, id);
      assert.equal(exit?.reason, "completed", exit?.message ?? id);
    }
  }

  test("case 67: a hundred procs by its URL fetch and unpack it once", async () => {
    const archive = makeTar([{ name: "word", body: Buffer.from("by URL\n") }]);
    let served = 0;
    const server = createServer((_, response) => {
      served += 1;
      response.end(archive);
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    // A server that listens on TCP has a port.
    const { port } = server.address() as AddressInfo;
    bundles.clear();
    try {
      await runToEnd(`http://127.0.0.1:${port}/slug.tar`);
    } finally {
      await new Promise((resolve) => server.close(resolve));
    }
    assert.equal(served, 1);
    assert.equal(bundles.size, PROCS + 1, "one container besides those of the procs");
    await daemon.deleteAll();
  });

  test("case 67: pushes of the same at once unpack it once, and a hundred procs of it nothing", async () => {
    const archive = makeTar([{ name: "word", body: Buffer.from("by push\n") }]);
    bundles.clear();
    const answers = await Promise.all(Array.from({ length: PUSHES }, () => pushBytes(daemon, archive)));
    const statuses = answers.map(({ status }) => status).sort();
    assert.deepEqual(statuses, [...Array.from({ length: PUSHES - 1 }, () => 200), 201]);
    assert.equal(bundles.size, 1);
    await runToEnd(JSON.parse(answers[0]?.text ?? "").digest);
    assert.equal(bundles.size, PROCS + 1, "no container but one for each proc");
    await daemon.deleteAll();
  });
});
