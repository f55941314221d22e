import assert from "node:assert/strict";
import { chmod, mkdir, mkdtemp, rm, statfs } from "node:fs/promises";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { runCommand } from "../../src/lib/run-command.ts";
import { stretched } from "../until.ts";
import { packDirectory } from "./archive.ts";
import { isSharkuError } from "./expect-error.ts";
import { startDaemon } from "./harness.ts";
import { makePlaces, removePlaces } from "./places.ts";
import { eventsSoFar, runProc } from "./proc-calls.ts";
import { outputOn } from "./template-calls.ts";
import { makeTinyRoot } from "./tiny-root.ts";

/** What a tree or a script of somebody else's may hold or do, at no cost for others. */

test("special files in a tree hold up no build", { timeout: stretched(120_000) }, async (context) => {
  await using root = await makeTinyRoot();
  await using daemon = await startDaemon();
  const { client } = daemon;
  for (const name of ["passwd", "group", "shadow"]) {
    await rm(join(root.path, "etc", name), { force: true });
    await runCommand(["mkfifo", join(root.path, "etc", name)]);
  }

  await context.test("FIFOs where users are read are left out of an archive's tree", async () => {
    await client.putTemplateArchive("box", await packDirectory(root.path));
    const script = "while read line; do echo $line; done </etc/passwd; [ -e /etc/shadow ] || echo none";
    assert.deepEqual(await outputOn(client, "box", script), ["app:x:1000:1000:app:/app:/bin/sh", "none"]);
  });

  await context.test("in a directory of the host, which stays as it is, they are no user", async () => {
    const { checks } = await client.createTemplate({ name: "here", directory: { path: root.path } });
    assert.equal(checks.find(({ name }) => name === "user")?.status, "warn");
  });

  await context.test("they and devices are not copied to what is built upon it", async () => {
    await runCommand(["mknod", join(root.path, "dev/zero"), "c", "1", "5"]);
    await mkdir(join(root.path, "usr/devices"));
    await runCommand(["mknod", join(root.path, "usr/devices/zero"), "c", "1", "5"]);
    await client.createTemplate({ name: "more", from: { template: "here", script: ": >/usr/devices/mine" } });
    assert.deepEqual(await outputOn(client, "more", "echo /usr/devices/*"), ["/usr/devices/mine"]);
  });
});

test("a build that would fill the host's disk is ended before its neighbours pay", async () => {
  const image = join(await mkdtemp("/var/tmp/sharku-small-"), "image");
  await using root = await makeTinyRoot();
  await chmod(root.path, 0o755);
  try {
    await runCommand(["mke2fs", "-q", "-t", "ext4", image, "500M"]);
    // Mounted for the daemon alone, and gone with it.
    const mount = 'mount -o loop "$0" "$1"; chmod 711 "$1"; shift; exec "$@"';
    const places = await makePlaces();
    const wrapper = ["unshare", "--mount", "sh", "-c", mount, image, places.stateDir];
    try {
      await using daemon = await startDaemon({ places, wrapper });
      const { client } = daemon;
      await client.putTemplateArchive("base", await packDirectory(root.path));
      await runProc(client, { command: ["sleep", "1000"] });
      const script = `text=0123456789abcdef; while [ \${#text} -lt 65536 ]; do text=$text$text; done
        while :; do echo $text; done >/usr/fill`;
      const building = client.createTemplate({ name: "greedy", from: { template: "base", script } });
      await assert.rejects(building, (error) => isSharkuError(error, "disk-full"));
      const { bavail, blocks } = await statfs(`/proc/${daemon.pid}/root${places.stateDir}`);
      assert.ok(bavail > blocks * 0.1, `${bavail} of ${blocks} blocks are left`);
      await runProc(client, { command: ["sleep", "1000"] });
      const types = (await eventsSoFar(client)).map(({ type }) => type);
      assert.equal(types.includes("proc.disk-full"), false);
    } finally {
      await removePlaces(places);
    }
  } finally {
    await rm(dirname(image), { recursive: true });
  }
});
