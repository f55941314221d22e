import assert from "node:assert/strict";
import { lstat, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, suite, test } from "node:test";
import { crc32, gzipSync, zstdCompressSync } from "node:zlib";
import { tryCommand } from "../../src/lib/run-command.ts";
import { gnuLongName, type Member, makeTar, paxHeader } from "../make-tar.ts";
import { outputOf } from "./archive.ts";
import { commandLineOf } from "./command-line.ts";
import { startDaemon, type TestDaemon } from "./harness.ts";
import { assertHarmless, filesOf, listTree } from "./image-ledger.ts";
import { assertSame, type Ledger, takeLedger } from "./ledger.ts";
import { assertRefused, assertTaken } from "./push-bytes.ts";

/**
 * Archives that somebody has made to do harm, by the numbers of the catalogue in docs/security.md. Each is refused
 * with the member's name or taken in without harm; the floods are in image-floods.test.ts.
 */

const evil = (name: string): Member => ({ name, body: Buffer.from("evil") });
const file: Member = { name: "file", body: Buffer.from("hello\n") };
const link = (name: string, to: string): Member => ({ name, type: "2", link: to });
const directory = (name: string): Member => ({ name, type: "5", mode: 0o755 });

suite("archives made to do harm", () => {
  let daemon: TestDaemon;
  let before_: Ledger;
  /** Outside of everything that is the daemon's; hostile links name it. */
  let canary: string;
  let canaryWas: string;

  before(async () => {
    daemon = await startDaemon();
    await daemon.client.info();
    canary = await mkdtemp(join(tmpdir(), "sharku-canary-"));
    await writeFile(join(canary, "file"), "sings\n", { mode: 0o640 });
    canaryWas = await describe(canary);
    before_ = await takeLedger(daemon.places);
  });
  after(async () => {
    await daemon[Symbol.asyncDispose]();
    await rm(canary, { recursive: true });
  });

  const refused = (members: readonly Member[], words: RegExp) =>
    assertRefused(daemon, makeTar(members), { words });
  const treeOf = async (members: readonly Member[]) => await treeOfBytes(daemon, makeTar(members));
  const namesOf = async (members: readonly Member[]) =>
    (await treeOf(members)).map((line) => line.split("	")[0]);

  test("case 51: members above the top, or with a path from the root, are refused by name", async () => {
    await refused([file, evil("../../x")], /"?\.\.\/\.\.\/x/);
    await refused([evil("a/../../x")], /a\/\.\.\/\.\.\/x/);
    await refused([evil("/etc/x")], /"\/etc\/x" lies outside/);
    await refused([evil(`${canary}/x`)], /"\/.*sharku-canary-.*\/x" lies outside/);
    await refused([paxHeader({ path: "../pax" }), evil("harmless")], /\.\.\/pax/);
    await refused([paxHeader({ path: "/pax" }), evil("harmless")], /"\/pax" lies outside/);
    await refused([gnuLongName(`${"d/".repeat(80)}../../x`), evil("harmless")], /\.\.\/\.\.\/x|\.\.…/);
    await refused([directory("..")], /\.\./);
    await refused([{ name: "hard", type: "1", link: `${canary}/file` }], /hard/);
    await refused([{ name: "hard", type: "1", link: "../../file" }], /hard/);
  });

  test("case 52: no file is written through a link that leads outside", async () => {
    for (const to of ["/etc", "../../../..", canary, "/proc/self/root/etc", "/tmp", "../../tmp", "//tmp"])
      await refused([link("lnk", to), evil("lnk/evil")], /lnk\/evil/);
    await refused([link("lnk", `${canary}/file`), link("two", "lnk"), evil("two/evil")], /two\/evil/);
    // In the place of the link comes a file, a directory: of those that it led to, none is touched.
    await refused([link("lnk", `${canary}/file`), evil("lnk")], /"lnk" is there twice/);
    await refused(
      [link("lnk", canary), directory("./lnk//"), evil("lnk/file")],
      /"\.\/lnk\/\/?" is there twice/,
    );
    assert.deepEqual(await namesOf([link("lnk", "file"), file, evil("lnk")]), ["", "file", "lnk"]);
    // A hard link to the link, and then through it.
    await refused([link("lnk", canary), { name: "hard", type: "1", link: "lnk" }, evil("hard/x")], /hard\/x/);
  });

  test("case 52: links that can be read in thousands of ways are refused at the first", async () => {
    const linkpath = `${"/ -> ".repeat(816)}/`;
    const links = Array.from({ length: 3000 }, (_, index) => [
      paxHeader({ linkpath }),
      link(`l${index}`, "x"),
    ]);
    const archive = gzipSync(makeTar(links.flat()));
    assert.ok(archive.length < 200_000, `${archive.length}`);
    await assertRefused(daemon, archive, {
      words: /^Cannot unpack the archive: "l0 -> \/ .*" has " -> " in its name/,
    });
  });

  test("case 54: devices and pipes are refused by name, and there are no sockets in tar", async () => {
    await refused([file, { name: "dev/null", type: "3" }], /"dev\/null" is a character device/);
    await refused([{ name: "disk", type: "4" }], /"disk" is a block device/);
    await refused([{ name: "pipe", type: "6" }], /"pipe" is a fifo/);
    await refused(
      [paxHeader({ path: "pi\u202epe" }), { name: "x", type: "6" }],
      /"pi\\342\\200\\256pe" is a fifo/,
    );
    for (const type of ["s", "Z", "\u00ff"]) await refused([{ ...file, type }], /"file" is a member of kind/);
  });

  test("case 55: special bits and owners are gone from what is stored", async () => {
    const modes = [0o6755, 0o4711, 0o2755, 0o1777, 0o7777, 0o000];
    const members = modes.flatMap((mode, index) => [
      { ...evil(`f${index}`), mode, uid: 2 ** 31 },
      { ...directory(`d${index}/`), mode },
    ]);
    const lines = await treeOf([{ ...directory("./"), mode: 0o7000 }, ...members, file]);
    assert.equal(lines.length, 2 * modes.length + 2);
    assertHarmless(lines);
    assert.ok(
      lines.some((line) => line.startsWith("f0\tf 755 1000:1000 ")),
      lines.join("\n"),
    );
    assert.ok(
      lines.some((line) => line === "d5\td 700 1000:1000"),
      lines.join("\n"),
    );
  });

  test("case 61: odd names are stored as they are, byte for byte, or refused", async () => {
    const texts = [
      "new\nline",
      "\u202egpj.exe",
      "-rf",
      "--help",
      "-",
      "$(touch x)",
      "`id`",
      "trailing.",
      " ",
    ];
    const names = [
      ...texts.map((name) => Buffer.from(name)),
      Buffer.from([0xff, 0xfe, 0x2f, 0x80]),
      Buffer.from("\r\u001b[2J"),
    ];
    const members = names.map((name) => ({ ...file, name }));
    const stored = await readdirBytes(
      filesOf(daemon.places.stateDir, await assertTaken(daemon, makeTar(members))),
    );
    const wanted = names.map((name) => name.toString("latin1").replace("/\x80", ""));
    assert.deepEqual(stored, wanted.sort());
    assert.deepEqual(await namesOf([paxHeader({ path: Buffer.from("nul\0l") }), file]), ["", "nul"]);
    await refused([{ ...file, name: "" }], /tar stopped|cut off|kind/);
  });

  test("case 61: a refusal writes out what a name hides, on the wire and on the terminal", async () => {
    const hostile = makeTar([{ name: "\u202ea\u001b[2Jb\nc", type: "6" }]);
    await assertRefused(daemon, hostile, { words: /"\\342\\200\\256a\\033\[2Jb\\nc" is a fifo/ });
    const procfile = makeTar([{ name: "Procfile", body: Buffer.from("\u202eno sense \u001b[2J") }]);
    await assertRefused(daemon, procfile, { words: /"\\u202eno sense \\u001b\[2J"/ });
    const dir = await mkdtemp(join(tmpdir(), "sharku-hostile-"));
    const path = join(dir, "hostile.tar");
    await writeFile(path, procfile);
    const { code, err } = await commandLineOf(daemon).call(["image", "push", path]);
    await rm(dir, { recursive: true });
    assert.notEqual(code, 0);
    assert.match(err, /^sharku: Cannot read the "Procfile".*\\u202eno sense[^\p{Cc}\p{Bidi_Control}]*\n$/mu);
  });

  test("case 62: of members with one name the last one wins, or the archive is refused, each time the same", async () => {
    const inside = evil("twice/inside");
    const last = evil("twice");
    /** With the number of files and directories beside the top, or the words of the refusal. */
    const cases: readonly (readonly [members: readonly Member[], wanted: 1 | RegExp])[] = [
      [[{ ...last, body: Buffer.from("first") }, last], 1],
      [[last, directory("twice/")], 1],
      [[directory("twice/"), last], 1],
      [[directory("twice/"), inside, last], /"twice".*twice: /],
      [[directory("twice/"), link("twice", "/etc")], 1],
      [[directory("twice/"), inside, link("twice", "/etc")], /"twice".*twice: /],
      [[link("twice", "one"), link("twice", "two"), last], 1],
      [[link("twice", "/etc"), link("twice", "/etc")], 1],
      [[link("twice", "/etc"), link("twice", "/tmp")], /"twice" is there twice/],
      [[last, link("twice", "/etc/passwd"), { ...last, mode: 0o600 }], /"twice" is there twice/],
      [[last, { name: "twice", type: "1", link: "twice" }], 1],
    ];
    for (const [members, wanted] of cases) {
      if (wanted instanceof RegExp) await refused(members, wanted);
      else {
        const lines = await treeOf(members);
        assert.equal(lines.length, 1 + wanted, lines.join("\n"));
        assert.deepEqual(await treeOfBytes(daemon, gzipSync(makeTar(members))), lines);
      }
    }
  });

  test("case 64: what is no tar, or packed in another way, is told apart by its first bytes", async () => {
    const tar = makeTar([file]);
    const others: Readonly<Record<string, Uint8Array>> = {
      bzip2: Buffer.from("425a683931415926535900", "hex"),
      lz4: Buffer.from("04224d186040820000000000", "hex"),
      compress: Buffer.from("1f9d90000000", "hex"),
      zip: Buffer.from("504b0304140000000800", "hex"),
      "7z": Buffer.from("377abcaf271c0004", "hex"),
      cpio: Buffer.from(`070701${"0".repeat(104)}`),
      page: Buffer.from("<!doctype html><title>Not found</title>"),
      nothing: Buffer.alloc(0),
      zeros: Buffer.alloc(10_240),
      "a letter": Buffer.from("x"),
      "the magic of xz and no more": Buffer.from("fd377a585a", "hex"),
    };
    for (const [name, bytes] of Object.entries(others))
      await assertRefused(daemon, bytes, { status: 415, words: /wanted a tar archive/ }).catch((cause) => {
        throw new Error(name, { cause });
      });
    for (const inner of [gzipSync(tar), Buffer.from("<html>"), Buffer.from("504b0304", "hex")])
      await assertRefused(daemon, gzipSync(inner), { words: /tar stopped/ });
    await assertRefused(daemon, Buffer.concat([gzipSync(tar), Buffer.from("rest")]), {
      words: /decompressed/,
    });
    await assertRefused(daemon, await greedyXz(tar), { words: /cannot be decompressed.*[Mm]emory/ });
    // The name and what was announced about it have no say.
    const digests: string[] = [];
    for (const bytes of [tar, gzipSync(tar), zstdCompressSync(tar)])
      digests.push(await assertTaken(daemon, bytes));
    assert.equal(new Set(digests).size, 3);
  });

  test("cases 51 to 64: nothing outside the images has changed, and the daemon goes on", async () => {
    assert.equal(await describe(canary), canaryWas);
    for (const { digest } of (await daemon.client.listImages()).items)
      await daemon.client.deleteImage(digest);
    await assertSame(before_, daemon.places);
    assert.ok(daemon.isAlive);
    // The control: unpacked by root on the host, the same bytes do harm.
    const control = await mkdtemp(join(tmpdir(), "sharku-control-"));
    await writeFile(join(control, "evil.tar"), makeTar([{ ...evil("setuid"), mode: 0o6755 }]));
    await tryCommand(["tar", "-x", "-p", "-f", join(control, "evil.tar"), "-C", control]);
    const { mode, uid } = await lstat(join(control, "setuid"));
    await rm(control, { recursive: true });
    assert.deepEqual([mode & 0o7777, uid], [0o6755, 0]);
  });
});

async function treeOfBytes(daemon: TestDaemon, bytes: Uint8Array): Promise<string[]> {
  const digest = await assertTaken(daemon, bytes);
  return await listTree(filesOf(daemon.places.stateDir, digest));
}

async function readdirBytes(dir: string): Promise<string[]> {
  return (await readdir(dir, { encoding: "buffer" })).map((name) => name.toString("latin1")).sort();
}

async function describe(dir: string): Promise<string> {
  const { stdout } = await tryCommand(["find", dir, "-printf", "%p %y %m %U %T@ %C@\\n"]);
  return stdout + (await readFile(join(dir, "file"), "utf8"));
}

/** An xz file whose header asks for a window of 4 GiB: whoever believes it runs out of memory. */
async function greedyXz(tar: Buffer): Promise<Buffer> {
  const dir = await mkdtemp(join(tmpdir(), "sharku-xz-"));
  await writeFile(join(dir, "tar"), tar);
  const bytes = Buffer.from(await outputOf(["xz", "--stdout", "--threads=1", join(dir, "tar")]));
  await rm(dir, { recursive: true });
  const block = 12;
  const size = ((bytes[block] ?? 0) + 1) * 4;
  assert.deepEqual([...bytes.subarray(block + 1, block + 4)], [0, 0x21, 1], "one filter, LZMA2");
  bytes[block + 4] = 40;
  bytes.writeUInt32LE(crc32(bytes.subarray(block, block + size - 4)), block + size - 4);
  return bytes;
}
