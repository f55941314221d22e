import assert from "node:assert/strict";
import { lstat, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { test } from "node:test";
import fc from "fast-check";
import { stretched } from "../until.ts";
import { startDaemon, type TestDaemon } from "./harness.ts";
import { assertHarmless, assertNothingUnfinished, filesOf, listTree } from "./image-ledger.ts";
import { assertSame, takeLedger } from "./ledger.ts";
import { assertProblem, pushBytes } from "./push-bytes.ts";
import { archiveBytes, CANARY, MARK, type RandomArchive, randomArchive } from "./random-archives.ts";

/**
 * Whatever somebody sends: it is taken in without harm, or refused. Where it is not so, fast-check tells the seed and
 * the smallest archive that shows it: that one goes to the examples.
 */

const RUNS = 300;
/** Beside the examples; in the time given there are more, on any machine. */
const RUNS_MIN = 20;
/** On a slow machine there are fewer. */
const MS_MAX = stretched(40_000);

const examples: readonly RandomArchive[] = [
  { members: [{ header: { name: "a", body: Buffer.from("taken in") } }], packed: "plain", end: "whole" },
  { members: [{ header: { name: "../a" } }], packed: "gzip", end: "whole" },
  {
    members: [
      { header: { name: "a", type: "2", link: CANARY } },
      { header: { name: `a/${MARK}` }, before: "pax" },
    ],
    packed: "zstd",
    end: "whole",
  },
  { members: [{ header: { name: "a", type: "1", link: `${CANARY}/file` } }], packed: "plain", end: "whole" },
  // A member that tar skips begins a line of its list, and does not end it.
  { members: [{ header: { name: "a/", type: "5", body: Buffer.from("x") } }], packed: "plain", end: "whole" },
  // Between two members, behind blocks like those of the end.
  { members: [{ header: { name: "a", body: Buffer.alloc(1024) } }], packed: "plain", end: "unmarked" },
  // What tar says of a header that it cannot read.
  { members: [{ header: { name: "a" }, pax: { size: "\u202egpj" } }], packed: "plain", end: "whole" },
];

test("any archive is taken in without harm, or refused in order, and nothing outside has changed", async () => {
  await using daemon = await startDaemon();
  const canary = await mkdtemp(join(tmpdir(), "sharku-canary-"));
  await writeFile(join(canary, "file"), "sings\n", { mode: 0o640 });
  const [ledger, outside] = [await takeLedger(daemon.places), await describe(canary)];
  const count = { taken: 0, refused: 0 };
  const property = fc.asyncProperty(randomArchive, async (archive) => {
    const answer = await pushBytes(daemon, archiveBytes(archive, canary));
    if (answer.status === 201 || answer.status === 200) {
      count.taken += 1;
      await assertInOrder(daemon, JSON.parse(answer.text));
    } else {
      count.refused += 1;
      assert.ok(answer.status === 415 || answer.status === 422, answer.text);
      assertProblem(answer);
    }
    await assertNothingUnfinished(daemon.places.stateDir);
    assert.equal(await describe(canary), outside);
    assert.ok(daemon.isAlive);
  });
  try {
    await fc.assert(property, {
      numRuns: RUNS,
      interruptAfterTimeLimit: MS_MAX,
      examples: examples.map((archive) => [archive]),
    });
    assert.ok(count.taken > 0 && count.refused > 0, JSON.stringify(count));
    assert.ok(count.taken + count.refused >= examples.length + RUNS_MIN, JSON.stringify(count));
    assert.equal((await daemon.client.live()).status, "ok");
    await assertSame(ledger, daemon.places);
    for (const dir of [
      "/",
      "/etc",
      "/tmp",
      "/var/tmp",
      "/var/lib",
      "/run",
      dirname(canary),
      daemon.places.stateDir,
    ])
      assert.ok(!(await readdir(dir)).includes(MARK), dir);
  } finally {
    await rm(canary, { recursive: true });
  }
});

interface Pushed {
  readonly digest: string;
  readonly files: number;
}

/** Looks over what was taken in, and removes it. */
async function assertInOrder({ places, client }: TestDaemon, { digest, files }: Pushed): Promise<void> {
  const dir = filesOf(places.stateDir, digest);
  const lines = await listTree(dir);
  assertHarmless(lines);
  assert.equal(lines.length, 1 + files);
  assert.deepEqual((await readdir(dirname(dir))).sort(), ["files", "image.json"]);
  await client.deleteImage(digest);
}

async function describe(dir: string): Promise<string> {
  const paths = [dir, join(dir, "file")];
  const facts = await Promise.all(
    paths.map(async (path) => {
      const { mode, uid, mtimeMs, ctimeMs, nlink } = await lstat(path);
      return [path, mode, uid, mtimeMs, ctimeMs, nlink];
    }),
  );
  return JSON.stringify([facts, await readdir(dir), await readFile(join(dir, "file"), "utf8")]);
}
