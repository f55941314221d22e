import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { makeTar, paxHeader } from "../make-tar.ts";
import { commandLineOf } from "./command-line.ts";
import { isSharkuError } from "./expect-error.ts";
import { startDaemon } from "./harness.ts";

const MANY = 12_000;
const SECRET = "root:x:0:0";

test("reading an image never leads out of it", async (context) => {
  await using daemon = await startDaemon();
  const { client, places } = daemon;
  assert.ok((await readFile("/etc/passwd", "utf8")).includes(SECRET), "there is something to find");

  await context.test(
    "a Procfile that leads to a file of the host is refused, with no word of it",
    async () => {
      for (const link of ["/etc/passwd", "../../../../../../../etc/passwd", "/dev/zero"]) {
        const fault: unknown = await client
          .pushImage(archive([{ name: "Procfile", type: "2", link }]))
          .then(() => null)
          .catch((error: unknown) => error);
        assert.ok(isSharkuError(fault, "bad-archive"), `${link}: ${fault}`);
        assert.ok(!String(fault).includes(SECRET));
      }
    },
  );

  await context.test(
    "links to directories of the host and out of the image are told, not followed",
    async () => {
      const image = await client.pushImage(
        archive([
          { name: "host", type: "2", link: "/" },
          { name: "state", type: "2", link: places.stateDir },
          { name: "up", type: "2", link: "../../.." },
          { name: "loop", type: "2", link: "loop" },
          { name: "dir/", type: "5" },
          { name: "dir/passwd", type: "2", link: "/etc/passwd" },
          { name: "dir/own", body: Buffer.from("own") },
        ]),
      );
      const files = await Array.fromAsync(client.allImageFiles(image.digest));
      assert.deepEqual(
        files.map(({ path, type, bytes, target }) => [path, type, bytes, target]),
        [
          ["dir", "directory", 0, undefined],
          ["dir/own", "file", 3, undefined],
          ["dir/passwd", "link", 0, "/etc/passwd"],
          ["host", "link", 0, "/"],
          ["loop", "link", 0, "loop"],
          ["state", "link", 0, places.stateDir],
          ["up", "link", 0, "../../.."],
        ],
      );
      assert.deepEqual([image.files, image.unpackedBytes], [7, 3]);
      for (const [path, following] of [
        ["host/etc", ["loop", "state", "up"]],
        ["up", []],
        ["../../../etc", files.map((file) => file.path)],
        ["state/images", ["up"]],
      ] as const) {
        const cursor = Buffer.from(path).toString("base64url");
        const { items } = await client.imageFiles(image.digest, { cursor });
        assert.deepEqual(
          items.map((item) => item.path),
          following,
        );
      }
    },
  );

  await context.test(
    "names that are no text, or would be obeyed by a terminal, are told safely",
    async () => {
      const bytes = Buffer.from([0x61, 0xff, 0x62]);
      const { digest } = await client.pushImage(
        archive([{ name: bytes }, { name: "clear\u001b[2J" }, { name: "two\nlines" }, { name: "a\u202eb" }]),
      );
      const files = await Array.fromAsync(client.allImageFiles(digest));
      assert.deepEqual(
        new Set(files.map(({ path, pathBase64 }) => path ?? pathBase64)),
        new Set([bytes.toString("base64"), "clear\u001b[2J", "two\nlines", "a\u202eb"]),
      );
      const { out } = await commandLineOf(daemon).call(`image files ${digest}`);
      assert.deepEqual(
        out
          .trimEnd()
          .split("\n")
          .map((line) => line.split(" ").at(-1))
          .sort(),
        ["a\\u202eb", "a\\xffb", "clear\\x1b[2J", "two\\nlines"],
      );
    },
  );

  await context.test("an image of many files comes in pages, each file once", async () => {
    const { digest, files } = await client.pushImage(
      archive(Array.from({ length: MANY }, (_, index) => ({ name: `d${index % 7}/${index}` }))),
    );
    assert.equal(files, MANY + 7);
    const paths: string[] = [];
    for await (const { path = "" } of client.allImageFiles(digest)) paths.push(path);
    assert.deepEqual([paths.length, new Set(paths).size], [files, files]);
    const { items, next } = await client.imageFiles(digest);
    assert.deepEqual([items.length, next === null], [1000, false]);
  });

  await context.test(
    "the longest path that has a name comes in and is told, one byte more is refused",
    async () => {
      const within = Buffer.byteLength(join(places.stateDir, "images", "0".repeat(64), "files/"));
      const deep = (bytes: number) => {
        const dirs = "d".repeat(199);
        const whole = Math.floor((bytes - 1) / 200);
        const path = [...Array<string>(whole).fill(dirs), "f".repeat(bytes - whole * 200)].join("/");
        return archive([paxHeader({ path }), { name: "x", body: Buffer.from("abc") }]);
      };
      const image = await client.pushImage(deep(4095 - within));
      const listed = await Array.fromAsync(client.allImageFiles(image.digest));
      assert.deepEqual([listed.length, listed.at(-1)?.type], [image.files, "file"]);
      await assert.rejects(client.pushImage(deep(4096 - within)), {
        code: "bad-archive",
        message: /lies too deep/,
      });
    },
  );

  await context.test("one that is not there is not found", async () => {
    const digest = `sha256:${"0".repeat(64)}`;
    await assert.rejects(client.imageFiles(digest), { code: "image-not-found" });
  });
});

function archive(members: Parameters<typeof makeTar>[0]): Uint8Array<ArrayBuffer> {
  return new Uint8Array(makeTar(members));
}
