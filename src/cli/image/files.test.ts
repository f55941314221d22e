import assert from "node:assert/strict";
import { test } from "node:test";
import { startCli } from "../../../test/fakes/cli-call.ts";
import { makeTar } from "../../../test/make-tar.ts";
import type { ImageFile } from "../../contract/image.ts";

const items: ImageFile[] = [
  { path: "Procfile", type: "link", mode: "0777", bytes: 0, target: "/etc/passwd\u001b[2J" },
  { path: "lib", type: "directory", mode: "0755", bytes: 0 },
  { path: "lib/a\nb", type: "file", mode: "0644", bytes: 2048 },
  { path: "lib/in", type: "directory", mode: "0755", bytes: 0 },
  {
    pathBase64: Buffer.from("lib/in/\xff", "latin1").toString("base64"),
    type: "file",
    mode: "0600",
    bytes: 1,
  },
  { path: "z\u202egnp", type: "file", mode: "0644", bytes: 0 },
];

async function files(words: string, options: { isTTY?: boolean } = {}) {
  await using cli = await startCli();
  const { digest } = cli.daemon.images.takeIn(makeTar([{ name: "a" }]), "2026-01-01T00:00:00.000Z");
  cli.daemon.images.files.set(digest, items);
  return await cli.call(`image files ${digest.slice(7, 20)} ${words}`.trim(), options);
}

test("image files tells each thing on a line, and no character that a terminal obeys", async () => {
  const { code, out } = await files("");
  assert.equal(code, 0);
  assert.deepEqual(out.trim().split("\n"), [
    "l 0777    0B Procfile -> /etc/passwd\\x1b[2J",
    "d 0755    0B lib",
    "- 0644    2K lib/a\\nb",
    "d 0755    0B lib/in",
    "- 0600    1B lib/in/\\xff",
    "- 0644    0B z\\u202egnp",
  ]);
});

test("image files draws a tree on a terminal", async () => {
  const { out } = await files("--no-color", { isTTY: true });
  assert.deepEqual(out.trimEnd().split("\n"), [
    "├── Procfile -> /etc/passwd\\x1b[2J",
    "├── lib/",
    "│   ├── a\\nb  2K",
    "│   └── in/",
    "│       └── \\xff  1B",
    "└── z\\u202egnp  0B",
  ]);
});

test("image files --json is what the daemon says, and -q the paths", async () => {
  assert.deepEqual(JSON.parse((await files("--json")).out), items);
  assert.equal((await files("-q")).out.split("\n")[2], "lib/a\\nb");
});
