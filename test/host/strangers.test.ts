import assert from "node:assert/strict";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { runCommand } from "../../src/lib/run-command.ts";
import { until } from "../until.ts";
import { type Member, tarOf } from "./bad-archives.ts";
import { startDaemon } from "./harness.ts";
import { isGone, linesOf, runProc, untilExited } from "./proc-calls.ts";

/** What strangers give and what they do with it, against what is the host's. */

test("case 27: an image whose names are those of mountpoints, and whose links lead out, stays in its proc", async () => {
  await using daemon = await startDaemon();
  const { client } = daemon;
  const outside = await mkdtemp("/var/tmp/sharku-canary-");
  const canary = join(outside, "canary");
  await writeFile(canary, "alive");
  const before = await treeOf(outside);
  try {
    const names = ["proc", "dev", "run", "sys", "etc", "usr", "tmp", "app", ".wh.file", "merged", "work"];
    const members: Member[] = [
      ...names.map((name): Member => ({ name: `${name}/`, type: "5", mode: 0o755 })),
      ...names.map((name): Member => ({ name: `${name}/file`, content: name })),
      { name: "out", type: "2", link: outside },
      { name: "up", type: "2", link: `../../../../../../../..${outside}` },
      { name: "etc-link", type: "2", link: "/etc" },
    ];
    const { digest } = await client.pushImage(new Uint8Array(tarOf(members)));
    const command = [
      "cat proc/file dev/file run/file; echo",
      `ln -s ${outside} mine; mkdir closed; ln -s ${outside} closed/mine; chmod 000 closed`,
      "for link in out up mine; do echo dead > $link/canary; rm -rf $link/; done 2> /dev/null",
      "(echo dead > etc-link/passwd) 2> /dev/null; test -e out/canary || echo not there",
    ].join("\n");
    const { id } = await runProc(client, { image: digest, command });
    await untilExited(client, id);
    const lines = await linesOf(client, id);
    assert.deepEqual([lines[0], lines.at(-1)], ["procdevrun", "not there"]);
    await client.deleteProc(id, { graceMs: 0 });
    await until("its files are gone", () => isGone(client, id));
    await client.deleteImage(digest);
    assert.equal(await readFile(canary, "utf8"), "alive");
    assert.deepEqual(await treeOf(outside), before);
  } finally {
    await rm(outside, { recursive: true });
  }
});

test("case 21: nothing that a proc does changes the template under it", async () => {
  await using daemon = await startDaemon();
  const { client, places } = daemon;
  const template = join(places.stateDir, "templates");
  const [before, usr] = [await treeOf(template), await treeOf("/usr", ["-maxdepth", "2"])];
  const spite = [
    "for dir in / /etc /usr /usr/bin /usr/lib /bin /sbin /run /var /home /srv; do touch $dir/mine; mkdir $dir/dir; done",
    "for file in /etc/passwd /etc/hosts /etc/resolv.conf /usr/bin/env /run/init; do",
    "  echo x >> $file; cp /dev/null $file; chmod 777 $file; touch $file; mv $file $file.old; ln $file /tmp/link",
    "done",
    "rm -rf /etc /usr/share/doc / --no-preserve-root",
    "echo still here",
  ].join("\n");
  const { id } = await runProc(client, { command: `exec 2>&1; ${spite}` });
  await untilExited(client, id);
  const lines = await linesOf(client, id);
  assert.equal(lines.at(-1), "still here");
  assert.ok(lines.some((line) => line.includes("Read-only file system")));
  assert.deepEqual(await treeOf(template), before);
  assert.deepEqual(await treeOf("/usr", ["-maxdepth", "2"]), usr);
});

/** Every file below with all that a change would change; when it was last read is no change. */
async function treeOf(dir: string, options: readonly string[] = []): Promise<string> {
  const { stdout } = await runCommand([
    "find",
    dir,
    ...options,
    "-printf",
    "%p %y %m %U:%G %s %T@ %C@ %l\\n",
  ]);
  return stdout.split("\n").sort().join("\n");
}
