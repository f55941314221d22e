import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import {
  access,
  chmod,
  lstat,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rm,
  symlink,
  writeFile,
} from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { after, before, describe, test } from "node:test";
import { gzipSync } from "node:zlib";
import { plainSandbox } from "../../test/fakes/plain-sandbox.ts";
import { type Member, makeTar, tarBlocks } from "../../test/make-tar.ts";
import { type ErrorCode, SharkuError } from "../contract/errors.ts";
import { runCommand, tryCommand } from "../lib/run-command.ts";
import { type ImageRoom, openImages } from "./images.ts";
import { defaultImageLimits, type UnpackSandbox } from "./needs.ts";

const text = (words: string) => Buffer.from(words);

describe("openImages()", () => {
  let top: string;
  let room: ImageRoom;
  const used = new Set<string>();
  let jobs = 0;
  const limits = {
    ...defaultImageLimits,
    bytesMax: 8 * 1024 * 1024,
    filesMax: 2000,
    uploadBytesMax: 4 * 1024 * 1024,
  };

  const open = (sandbox: UnpackSandbox = plainSandbox, changed: Partial<typeof limits> = {}) =>
    openImages({
      dir: join(top, "images"),
      limits: { ...limits, ...changed },
      sandbox,
      clock: { now: () => new Date("2026-01-02T03:04:05.678Z") },
      randomId: () => `job-${jobs++}`,
      users: (digest) => (used.has(digest) ? 1 : 0),
      judge: () => null,
      report: () => undefined,
    });
  const takeIn = (bytes: Buffer, signal = new AbortController().signal) =>
    room.takeIn(Readable.from(chunksOf(bytes)), signal);
  const filesOf = (digest: string) => room.find(digest)?.filesDir ?? assert.fail("no such image");

  before(async () => {
    top = await mkdtemp(join(tmpdir(), "sharku-images-"));
    room = await open();
  });
  after(() => rm(top, { recursive: true, force: true }));

  async function refuses(bytes: Buffer, code: ErrorCode, words: RegExp): Promise<void> {
    await assert.rejects(takeIn(bytes), (error) => {
      assert.ok(error instanceof SharkuError, String(error));
      assert.equal(error.code, code, error.message);
      assert.match(error.message, words);
      return true;
    });
    assert.deepEqual(await readdir(join(top, "images", "incoming")), []);
    assert.deepEqual(await readdir(top), ["images"]);
  }

  test("takeIn() keeps a real app of each format, and knows it again", async () => {
    const app = await mkdtemp(join(top, "app-"));
    await mkdir(join(app, "lib"));
    await writeFile(join(app, "Procfile"), "web: node server.js\nworker: node worker.js\n");
    await writeFile(join(app, "lib", "run me"), "#!/bin/sh\n");
    await chmod(join(app, "lib", "run me"), 0o755);
    await symlink("lib/run me", join(app, "link"));
    for (const flag of ["--format=gnu", "-z", "--zstd", "-J"]) {
      await runCommand(["tar", "-C", app, flag, "-cf", `${app}.tar`, "."]);
      const bytes = await readFile(`${app}.tar`);
      const first = await takeIn(bytes);
      assert.deepEqual([first.isNew, first.image.files, first.image.unpackedBytes], [true, 4, 53]);
      assert.equal(first.image.digest, `sha256:${createHash("sha256").update(bytes).digest("hex")}`);
      assert.deepEqual({ ...first.image.processes }, { web: "node server.js", worker: "node worker.js" });
      assert.equal(first.image.createdAt, "2026-01-02T03:04:05.678Z");
      assert.equal((await lstat(join(filesOf(first.image.digest), "lib", "run me"))).mode & 0o7777, 0o755);
      assert.deepEqual(await takeIn(bytes), { image: first.image, isNew: false });
      await room.remove(first.image.digest);
    }
    await rm(`${app}.tar`);
    await rm(app, { recursive: true });
    assert.deepEqual(await readdir(join(top, "images")), ["incoming", "urls"]);
  });

  test("takeIn() of the same bytes twice at once unpacks them once", async () => {
    const bytes = makeTar([{ name: "once", body: text("x") }]);
    const answers = await Promise.all([takeIn(bytes), takeIn(bytes), takeIn(bytes)]);
    assert.deepEqual(answers.map((answer) => answer.isNew).sort(), [false, false, true]);
    assert.equal(room.list().filter((image) => image.digest === answers[0]?.image.digest).length, 1);
  });

  test("openImages() finds what was taken in, empties incoming/ and leaves out what is damaged", async () => {
    const { image } = await takeIn(makeTar([{ name: "a", body: text("kept") }]));
    await mkdir(join(top, "images", "incoming", "torn", "files"), { recursive: true });
    const other = await takeIn(makeTar([{ name: "b", body: text("damaged") }]));
    await writeFile(join(filesOf(other.image.digest), "..", "image.json"), '{"digest":');

    room = await open();
    assert.deepEqual(room.get(image.digest), image);
    assert.equal(await readFile(join(filesOf(image.digest), "a"), "utf8"), "kept");
    assert.equal(room.find(other.image.digest), null);
    assert.deepEqual(await readdir(join(top, "images", "incoming")), []);
    assert.equal((await takeIn(makeTar([{ name: "b", body: text("damaged") }]))).isNew, true);
    assert.equal(await readFile(join(filesOf(other.image.digest), "b"), "utf8"), "damaged");
  });

  test("remove() refuses while a proc uses the image, then forgets it; an unknown one is not found", async () => {
    const { image } = await takeIn(makeTar([{ name: "gone" }]));
    used.add(image.digest);
    await assert.rejects(room.remove(image.digest), { code: "image-in-use" });
    assert.notEqual(room.find(image.digest), null);
    used.clear();
    const { filesDir } = room.find(image.digest) ?? assert.fail();
    await room.remove(image.digest);
    await assert.rejects(access(filesDir), { code: "ENOENT" });
    await assert.rejects(room.remove(image.digest), { code: "image-not-found" });
    assert.throws(() => room.get(image.digest), { code: "image-not-found" });
  });

  test("takeIn() takes off setuid, setgid and sticky, and opens closed directories for their owner", async () => {
    const { image } = await takeIn(
      makeTar([
        { name: "./", type: "5", mode: 0o7400 },
        { name: "shut/", type: "5", mode: 0o1400 },
        { name: "shut/tool", mode: 0o6755 },
      ]),
    );
    const modeOf = async (path: string) => (await lstat(join(filesOf(image.digest), path))).mode & 0o7777;
    assert.deepEqual([await modeOf("."), await modeOf("shut")], [0o755, 0o700]);
    assert.equal(await modeOf("shut/tool"), 0o755);
  });

  test("takeIn() keeps strange names as bytes, and gives none to a shell", async () => {
    const names = ["new\nline", "-rf", "$(touch pwned)", "\u202Etxt", "trailing.", "`id`; ls"].map(text);
    const { image } = await takeIn(
      makeTar([...names, Buffer.from([0x62, 0xff, 0x64])].map((name) => ({ name, body: text("x") }))),
    );
    assert.equal(image.files, 7);
    assert.equal((await readdir(filesOf(image.digest))).includes("pwned"), false);
  });

  test("takeIn() lets the last of several members of one name win", async () => {
    const body = text("second");
    const { image } = await takeIn(
      makeTar([
        { name: "a", body: text("first") },
        { name: "a", body },
        { name: "d", body },
        { name: "d/", type: "5" },
      ]),
    );
    assert.equal(await readFile(join(filesOf(image.digest), "a"), "utf8"), "second");
    assert.ok((await lstat(join(filesOf(image.digest), "d"))).isDirectory());
  });

  test("takeIn() counts a file with several names once", async () => {
    const { image } = await takeIn(
      makeTar([
        { name: "a", body: text("12345") },
        { name: "b", type: "1", link: "a" },
      ]),
    );
    assert.deepEqual([image.files, image.unpackedBytes], [2, 5]);
  });

  const file = { name: "ok", body: text("ok") };
  const outside: [title: string, members: Member[], words: RegExp][] = [
    ["a path upwards", [file, { name: "../x" }], /lies or links outside.*: \.\.\/x: /s],
    [
      "a path upwards in the middle",
      [file, { name: "a/../../x" }],
      /lies or links outside.*: a\/\.\.\/\.\.\/x: /s,
    ],
    ["an absolute path", [file, { name: "/etc/x" }], /"\/etc\/x" lies outside/],
    ["a hard link upwards", [{ name: "h", type: "1", link: "../x" }], /lies or links outside.*: h: /s],
    [
      "an absolute hard link",
      [{ name: "etc" }, { name: "h", type: "1", link: "/etc" }],
      /lies or links outside/,
    ],
    [
      "a write through a link",
      [{ name: "l", type: "2", link: "/tmp" }, { name: "l/x" }],
      /at "l\/x".*l\/x: Cannot/s,
    ],
    ["a character device", [file, { name: "dev", type: "3" }], /"dev" is a character device/],
    ["a block device", [{ name: "dev", type: "4" }], /"dev" is a block device/],
    ["a fifo", [{ name: "pipe", type: "6" }], /"pipe" is a fifo/],
    [
      "a name too long",
      [
        { name: `${"n".repeat(99)}/`, type: "5" },
        { name: "x", type: "L", body: text("n".repeat(300)) },
        file,
      ],
      /File name too long/,
    ],
  ];
  for (const [title, members, words] of outside)
    test(`takeIn() refuses ${title}, naming the member`, () =>
      refuses(makeTar(members), "bad-archive", words));

  test("takeIn() refuses what is no archive, an empty body among it", async () => {
    await refuses(Buffer.alloc(0), "unsupported-archive", /it is empty/);
    await refuses(text("<html>404"), "unsupported-archive", /begins with 3c68746d6c3e/);
    await refuses(text(`PK\x03\x04${"x".repeat(2000)}`), "unsupported-archive", /begins with 504b0304/);
  });

  test("takeIn() refuses an archive cut off anywhere", async () => {
    const tar = makeTar([{ name: "a", body: Buffer.alloc(20_000, "abc") }, { name: "b" }]);
    const zipped = gzipSync(tar);
    for (let part = 1; part < 16; part += 1) {
      const code = "bad-archive";
      await refuses(
        zipped.subarray(0, Math.floor((zipped.length * part) / 16)),
        code,
        /decompressed|tar stopped/,
      );
      await refuses(tar.subarray(0, Math.floor((tar.length * part) / 16)), code, /cut off/);
    }
    await refuses(zipped.subarray(0, -4), "bad-archive", /decompressed.*unexpected end of file/s);
    // Between two members, after blocks that look like the mark of the end.
    const zeros = tarBlocks([file, { name: "zeros", body: Buffer.alloc(5000) }]);
    for (const bytes of [zeros, gzipSync(zeros)])
      await refuses(bytes, "bad-archive", /it is cut off at "zeros"/);
  });

  test("takeIn() refuses bombs: of bytes, of headers, of files, of directories", async () => {
    const bytes = Buffer.alloc(9 * 1024 * 1024);
    await refuses(
      gzipSync(makeTar([file, { name: "big", body: bytes }])),
      "bad-archive",
      /more than 8388608 bytes at "big"/,
    );
    const many = Array.from({ length: 2001 }, (_, index) => ({ name: `f${index}` }));
    await refuses(gzipSync(makeTar(many)), "bad-archive", /more than 2000 files and directories at "f2000"/);
    const deep = Array.from({ length: 60 }, (_, index) => ({ name: `${index}/${"d/".repeat(40)}x` }));
    await refuses(gzipSync(makeTar(deep)), "bad-archive", /more than 2000 files and directories at/);
    const padding = Buffer.concat([makeTar([file]), Buffer.alloc(16 * 1024 * 1024)]);
    await refuses(gzipSync(padding), "bad-archive", /when it is decompressed/);
    const name = { name: "x", type: "L", body: Buffer.alloc(10 * 1024 * 1024, "n") };
    await refuses(gzipSync(makeTar([name, file])), "bad-archive", /File name too long/);
  });

  test("takeIn() refuses an archive of which the command stops reading in the middle", async () => {
    const body = randomBytes(3 * 1024 * 1024);
    const zipped = gzipSync(makeTar([{ name: "a", body }]));
    zipped.fill(0xff, 1_000_000, 1_100_000);
    await refuses(zipped, "bad-archive", /cannot be decompressed|tar stopped/);

    const room = await open(plainSandbox, { bytesMax: 512 * 1024, filesMax: 1 });
    const zeros = gzipSync(Buffer.concat([makeTar([file]), Buffer.alloc(3 * 1024 * 1024)]), { level: 0 });
    await assert.rejects(room.takeIn(Readable.from(chunksOf(zeros)), new AbortController().signal), {
      code: "bad-archive",
      message: /more than 528384 bytes when it is decompressed/,
    });
  });

  test("takeIn() takes an archive up to the limits, the hundreds of levels of a path among it", async () => {
    const room = await open(plainSandbox, { filesMax: 500 });
    const bytes = gzipSync(makeTar([...Array(49)].map((_, index) => ({ name: `${"d/".repeat(index)}f` }))));
    const { image } = await room.takeIn(Readable.from([bytes]), new AbortController().signal);
    assert.equal(image.files, 49 + 48);
  });

  test("takeIn() refuses an upload that is too large, and one that its sender gives up", async () => {
    await refuses(
      Buffer.concat([makeTar([file]), Buffer.alloc(5 * 1024 * 1024)]),
      "body-too-large",
      /4194304/,
    );
    const giveUp = new AbortController();
    const slow = async function* () {
      yield makeTar([file]);
      giveUp.abort(new Error("the sender is gone"));
      yield Buffer.alloc(512);
    };
    await assert.rejects(room.takeIn(slow(), giveUp.signal), /the sender is gone/);
    assert.deepEqual(await readdir(join(top, "images", "incoming")), []);
  });

  test("takeIn() ends what takes too long", async () => {
    const room = await open(
      { unpack: (job) => plainSandbox.unpack({ ...job, argv: ["sleep", "60"] }) },
      { unpackMsMax: 50 },
    );
    await assert.rejects(room.takeIn(Readable.from([makeTar([file])]), new AbortController().signal), {
      code: "bad-archive",
      message: "Cannot unpack the archive: it takes longer than 50 ms, wanted less",
    });
  });

  test("takeIn() does not count the time that a job waits for its turn", async (context) => {
    context.mock.timers.enable({ apis: ["setTimeout"] });
    const room = await open({
      async unpack(job) {
        context.mock.timers.tick(limits.unpackMsMax + 1);
        return await plainSandbox.unpack(job);
      },
    });
    const bytes = makeTar([{ name: "patient" }]);
    const { isNew } = await room.takeIn(Readable.from([bytes]), new AbortController().signal);
    assert.equal(isNew, true);
  });

  test("takeIn() tells that the stored archive cannot be read, which is no fault of its sender", async () => {
    const room = await open({
      async unpack(job) {
        job.input.destroy(Object.assign(new Error("EIO: i/o error, read"), { code: "EIO", syscall: "read" }));
        return await plainSandbox.unpack(job);
      },
    });
    await assert.rejects(room.takeIn(Readable.from([makeTar([file])]), new AbortController().signal), {
      code: "EIO",
    });
  });

  test("takeIn() refuses a Procfile that cannot be read, and follows no link to one", async () => {
    const name = "Procfile";
    await refuses(makeTar([{ name, body: text("web: a\nwhat") }]), "bad-archive", /line 2: it is "what"/);
    await refuses(makeTar([{ name, type: "2", link: "/etc/passwd" }]), "bad-archive", /no regular file/);
    await refuses(makeTar([{ name, type: "5" }]), "bad-archive", /no regular file/);
    await refuses(makeTar([{ name, body: Buffer.alloc(70_000, "#") }]), "bad-archive", /70000 bytes/);
    await refuses(makeTar([{ name, body: Buffer.from([0xff, 0xfe]) }]), "bad-archive", /not text/);
  });

  test("takeIn() refuses a tree deeper than a path can be long, and clears it away", async () => {
    const dirs = "d".repeat(90);
    const bytes = makeTar([file]);
    const sandbox: UnpackSandbox = {
      async unpack(job) {
        const script = `i=0; while [ $i -lt 60 ]; do mkdir ${dirs} && cd ${dirs} || exit 1; i=$((i+1)); done`;
        const { code, stderr } = await tryCommand(["bash", "-c", script], { cwd: job.targetDir });
        job.onLine("block 3: ** Block of NULs **");
        return { code, stderr, cleared: Promise.resolve() };
      },
    };
    const room = await open(sandbox);
    await assert.rejects(room.takeIn(Readable.from([bytes]), new AbortController().signal), {
      code: "bad-archive",
      message: /lies too deep/,
    });
    assert.deepEqual(await readdir(join(top, "images", "incoming")), []);
  });

  test("takeIn() tells of a full disk", async () => {
    const room = await open({
      async unpack() {
        return {
          code: 65,
          stderr: "tar: a: Cannot write: No space left on device\n",
          cleared: Promise.resolve(),
        };
      },
    });
    await assert.rejects(room.takeIn(Readable.from([makeTar([file])]), new AbortController().signal), {
      code: "disk-full",
    });
  });
});

function* chunksOf(bytes: Buffer): Generator<Buffer> {
  for (let at = 0; at < bytes.length; at += 60_000) yield bytes.subarray(at, at + 60_000);
}
