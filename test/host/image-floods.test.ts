import assert from "node:assert/strict";
import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, suite, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { gzipSync, zstdCompressSync } from "node:zlib";
import { tryCommand } from "../../src/lib/run-command.ts";
import { type Member, makeTar, paxHeader, tarBlocks } from "../make-tar.ts";
import { type Compression, outputOf } from "./archive.ts";
import { startDaemon, type TestDaemon } from "./harness.ts";
import { assertHarmless, assertNothingUnfinished, filesOf, listTree } from "./image-ledger.ts";
import { assertProblem, assertRefused, assertTaken, pushBytes } from "./push-bytes.ts";

/** Archives that are too much, cut off, or changed by chance: by the numbers of the catalogue in docs/security.md. */

const MIB = 2 ** 20;
const BYTES_MAX = 1024 * MIB;
const compressions: readonly Compression[] = ["gzip", "zstd", "xz", "tar"];
const FLIPS = 500;
const AT_ONCE = 4;
const file: Member = { name: "file", body: Buffer.from("hello\n") };

suite("archives that are too much, or damaged", () => {
  let daemon: TestDaemon;
  let dir: string;

  before(async () => {
    daemon = await startDaemon();
    dir = await mkdtemp(join(tmpdir(), "sharku-floods-"));
  });
  after(async () => {
    await daemon[Symbol.asyncDispose]();
    await rm(dir, { recursive: true });
  });
  const treeOf = (digest: string) => listTree(filesOf(daemon.places.stateDir, digest));

  test("case 56: a bomb stops at the limit, and no more than that is ever written", async () => {
    const zeros = gzipSync(Buffer.alloc(64 * MIB));
    const big = gzipSync(tarBlocks([{ name: "big", size: 10_240 * MIB }]));
    const whole = Buffer.concat([big, ...Array.from({ length: 160 }, () => zeros)]);
    assert.ok(whole.length < 16 * MIB, `${whole.length}`);
    await assertRefused(daemon, whole, { words: /more than 1073741824 bytes at "big"/ });
    const parts = Array.from({ length: 20 }, (_, index) =>
      zstdCompressSync(tarBlocks([{ name: `part-${index}`, body: Buffer.alloc(64 * MIB) }])),
    );
    const most = await mostWritten(daemon, async () => {
      await assertRefused(daemon, Buffer.concat(parts), { words: /more than 1073741824 bytes at "part-16"/ });
    });
    // Else nobody has looked while it was written.
    assert.ok(most > BYTES_MAX / 2, `only ${most} bytes were seen`);
    assert.ok(most <= BYTES_MAX + 64 * MIB, `${most} bytes were written`);
    // Behind the archive's end, in headers, and as holes.
    const behind = Buffer.concat([gzipSync(makeTar([file])), ...Array.from({ length: 32 }, () => zeros)]);
    await assertRefused(daemon, behind, { words: /when it is decompressed/ });
    const name = { name: "x", type: "L", body: Buffer.alloc(256 * MIB, "n") };
    await assertRefused(daemon, gzipSync(makeTar([name, file])), { words: /tar stopped|decompressed/ });
    await writeFile(join(dir, "sparse"), "");
    await tryCommand(["truncate", "--size=2G", join(dir, "sparse")]);
    const sparse = await outputOf(["tar", "--create", "--sparse", "--directory", dir, "sparse"]);
    await assertRefused(daemon, sparse, { words: /more than 1073741824 bytes at "sparse"/ });
  });

  test("case 57: cut off at every sixteenth, an archive of any format is refused", async () => {
    for (const [compression, whole] of await samples(dir)) {
      for (let part = 1; part < 16; part += 1) {
        const answer = await pushBytes(daemon, whole.subarray(0, Math.floor((whole.length * part) / 16)));
        assert.equal(answer.status, 422, `${compression} ${part}/16: ${answer.text}`);
        assertProblem(answer);
      }
      if (compression !== "tar")
        await assertRefused(daemon, whole.subarray(0, -1), { words: /cannot be decompressed/ });
    }
    await assertNothingUnfinished(daemon.places.stateDir);
  });

  test(`case 57: with one bit turned, ${FLIPS} times, it is refused or comes out the same`, async () => {
    const all = await samples(dir);
    const wanted = new Map<Compression, string[]>();
    for (const [compression, bytes] of all)
      wanted.set(compression, await treeOf(await assertTaken(daemon, bytes)));
    const outcomes = { refused: 0, same: 0 };
    const seeds = Array.from({ length: FLIPS }, (_, seed) => seed);
    const worker = async () => {
      for (let seed = seeds.pop(); seed !== undefined; seed = seeds.pop()) {
        const [compression, whole] = all[seed % all.length] ?? assert.fail();
        const bytes = Buffer.from(whole);
        const bit = chance(seed) % (bytes.length * 8);
        bytes[bit >> 3] = (bytes[bit >> 3] ?? 0) ^ (1 << (bit & 7));
        const answer = await pushBytes(daemon, bytes);
        const hint = `seed ${seed}: ${compression}, bit ${bit}: ${answer.text}`;
        if (answer.status === 422 || answer.status === 415) {
          assertProblem(answer);
          outcomes.refused += 1;
          continue;
        }
        assert.ok(answer.status === 201 || answer.status === 200, hint);
        const { digest } = JSON.parse(answer.text);
        const lines = await treeOf(digest);
        assertHarmless(lines);
        // tar itself has no sum of what is in a file: there another bit is another archive.
        const plain = (line: string) => (compression === "tar" ? line.replace(/ [0-9a-f]{64}$/, "") : line);
        assert.deepEqual(lines.map(plain), wanted.get(compression)?.map(plain), hint);
        outcomes.same += 1;
        await daemon.client.deleteImage(digest);
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, worker));
    assert.ok(outcomes.refused > FLIPS / 2 && outcomes.same > 0, JSON.stringify(outcomes));
    await assertNothingUnfinished(daemon.places.stateDir);
  });

  test("case 60: a hundred thousand files at sixty levels are taken in, a million are too many", async () => {
    const deep = "d/".repeat(60).slice(0, -1);
    const digest = await assertTaken(
      daemon,
      zstdCompressSync(Buffer.concat([manyFiles(100_000, deep), end])),
    );
    assert.equal((await daemon.client.getImage(digest)).files, 100_060);
    await daemon.client.deleteImage(digest);
    const million = Array.from({ length: 10 }, (_, part) =>
      zstdCompressSync(manyFiles(100_000, `part-${part}`)),
    );
    await assertRefused(daemon, Buffer.concat([...million, zstdCompressSync(end)]), {
      words: /more than 200000 files and directories at "part-1\/99998"/,
    });
  });

  test("case 60: names and paths are taken up to what the system can name", async () => {
    const named = (path: string) => makeTar([paxHeader({ path }), file]);
    const path = (levels: number) => [...Array<string>(levels).fill("d".repeat(200)), "f"].join("/");
    const name = "n".repeat(255);
    const digest = await assertTaken(daemon, named(name));
    assert.deepEqual(await readdir(filesOf(daemon.places.stateDir, digest)), [name]);
    await assertRefused(daemon, named(`${name}n`), { words: /"n{100}…n{99}".*File name too long/ });
    await assertRefused(daemon, named(path(25)), {
      words: /"[d/]+…[d/]+f".*File name too long/,
    });
    await assertTaken(daemon, named(path(15)));
  });
});

const end = Buffer.alloc(1024);

/** Empty files in one directory. */
function manyFiles(count: number, top: string): Buffer {
  const header = tarBlocks([{ name: "", prefix: top }]);
  const blocks = Buffer.alloc(count * header.length);
  // The same header for all but the name and what it adds to the sum: a million of them are made in seconds.
  const sum = Number.parseInt(header.toString("latin1", 148, 154), 8);
  for (let index = 0; index < count; index += 1) {
    const name = String(index);
    const at = index * header.length;
    header.copy(blocks, at);
    blocks.write(name, at, "latin1");
    const more = blocks.subarray(at, at + name.length).reduce((total, byte) => total + byte, 0);
    blocks.write((sum + more).toString(8).padStart(6, "0"), at + 148, "latin1");
  }
  return blocks;
}

/** Any number from a seed, the same each time: the mixing step of MurmurHash3. */
function chance(seed: number): number {
  let mixed = Math.imul(seed + 1, 0x9e3779b1);
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return (mixed ^ (mixed >>> 16)) >>> 0;
}

/** One small app in each format, by the system's tools. */
async function samples(dir: string): Promise<(readonly [Compression, Uint8Array])[]> {
  const text = Array.from({ length: 400 }, (_, index) => `line ${index} ${chance(index)}`).join("\n");
  const plain = makeTar([
    { name: "app/", type: "5", mode: 0o755 },
    { name: "app/text", body: Buffer.from(text) },
    { name: "app/link", type: "2", link: "text" },
    { name: "Procfile", body: Buffer.from("web: node app/web.js\n") },
  ]);
  const path = join(dir, "sample.tar");
  await writeFile(path, plain);
  return await Promise.all(
    compressions.map(async (compression) => {
      if (compression === "tar") return [compression, plain] as const;
      return [compression, await outputOf([compression, "--stdout", "--keep", path])] as const;
    }),
  );
}

/** The most bytes that there were below incoming/ while the work was done. */
async function mostWritten({ places }: TestDaemon, work: () => Promise<void>): Promise<number> {
  const watch = { over: false, most: 0 };
  const watching = (async () => {
    while (!watch.over) {
      const argv = ["du", "--summarize", "--block-size=1", join(places.stateDir, "images/incoming")];
      // Files come and go under its hands.
      const { stdout } = await tryCommand(argv);
      watch.most = Math.max(watch.most, Number.parseInt(stdout, 10) || 0);
      await sleep(5);
    }
  })();
  await work().finally(() => {
    watch.over = true;
  });
  await watching;
  return watch.most;
}
