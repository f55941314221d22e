import assert from "node:assert/strict";
import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { describe, it } from "node:test";
import { listTree, tellLeftOut } from "./list-tree.ts";

async function makeTree(files: Record<string, string>) {
  const top = await mkdtemp(join(tmpdir(), "sharku-tree-"));
  for (const [path, text] of Object.entries(files)) {
    await mkdir(join(top, dirname(path)), { recursive: true });
    await writeFile(join(top, path), text);
  }
  return { top, [Symbol.asyncDispose]: () => rm(top, { recursive: true }) };
}

async function namesOf(top: string): Promise<string[]> {
  const { paths } = await listTree(top);
  return paths.toString("utf8").split("\0").slice(0, -1);
}

describe("listTree()", () => {
  it("names everything but .git, each directory before what is in it", async () => {
    await using tree = await makeTree({ "b/c": "1", "a.txt": "", ".git/HEAD": "x", "b/.git/HEAD": "x" });
    await symlink("/etc", join(tree.top, "link"));
    assert.deepEqual(await namesOf(tree.top), ["./", "./a.txt", "./b", "./b/c", "./link"]);
  });

  it("leaves out what .slugignore says, and asks no other file then", async () => {
    await using tree = await makeTree({
      ".slugignore": "*.log\n/docs\n!keep.log\n",
      ".gitignore": "app.js\n",
      ...{ "app.js": "", "a.log": "", "lib/b.log": "", "keep.log": "", "docs/x": "", "lib/docs/y": "" },
    });
    assert.deepEqual(await namesOf(tree.top), [
      ...[
        "./",
        "./.gitignore",
        "./.slugignore",
        "./app.js",
        "./keep.log",
        "./lib",
        "./lib/docs",
        "./lib/docs/y",
      ],
    ]);
  });

  it("falls back on .gitignore, deeper ones over those above", async () => {
    await using tree = await makeTree({
      ".gitignore": ".env\n*.tmp\n",
      "lib/.gitignore": "!keep.tmp\nown\n",
      ...{
        ".env": "SECRET=1",
        "a.tmp": "",
        "lib/keep.tmp": "",
        "lib/b.tmp": "",
        "lib/own/x": "",
        "own/y": "",
      },
    });
    const list = await listTree(tree.top);
    assert.deepEqual(list.leftOut, [".env", "a.tmp", "lib/b.tmp", "lib/own/"]);
    assert.deepEqual(await namesOf(tree.top), [
      ...["./", "./.gitignore", "./lib", "./lib/.gitignore", "./lib/keep.tmp", "./own", "./own/y"],
    ]);
  });

  it("keeps what an app cannot run without, whole, though .gitignore names it", async () => {
    await using tree = await makeTree({
      ".gitignore": "node_modules/\n*.log\n",
      ...{
        "node_modules/x/.gitignore": "index.js\n",
        "node_modules/x/index.js": "",
        "node_modules/x/a.log": "",
      },
      "node_modules.log": "",
    });
    const list = await listTree(tree.top);
    assert.deepEqual([list.leftOut, list.needed], [["node_modules.log"], ["node_modules/"]]);
    assert.deepEqual((await namesOf(tree.top)).slice(-3), [
      "./node_modules/x/.gitignore",
      "./node_modules/x/a.log",
      "./node_modules/x/index.js",
    ]);
    assert.match(String(tellLeftOut(list)), /left out by \.gitignore: node_modules\.log; packed though/);
  });

  it("leaves even that out where .slugignore says so", async () => {
    await using tree = await makeTree({ ".slugignore": "node_modules\n", "node_modules/x": "" });
    assert.deepEqual(await namesOf(tree.top), ["./", "./.slugignore"]);
  });

  it("keeps names that are no text as they are on disk", async () => {
    await using tree = await makeTree({ plain: "" });
    await writeFile(Buffer.concat([Buffer.from(`${tree.top}/`), Buffer.from([0x66, 0xff])]), "");
    const { paths } = await listTree(tree.top);
    assert.ok(paths.includes(Buffer.from([0x2f, 0x66, 0xff, 0])));
  });

  it("says nothing where nothing is left out", async () => {
    await using tree = await makeTree({ a: "" });
    assert.equal(tellLeftOut(await listTree(tree.top)), null);
  });

  it("tells which directory it cannot read", async () => {
    await assert.rejects(listTree(join(tmpdir(), "sharku-not-there")), /Cannot pack "\/.*sharku-not-there/);
  });
});
