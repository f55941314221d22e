import assert from "node:assert/strict";
import type { Image } from "../../src/client/client.ts";
import { type Member, makeTar } from "../make-tar.ts";
import { assertNothingUnfinished, filesOf, listTree, sumOf } from "./image-ledger.ts";

/** Archives that differ by their number only, so that what came of each can be told afterwards, by whoever looks. */

const FILES = 12;

export function numberedArchive(number: number): Buffer {
  return makeTar(membersOf(number));
}

function membersOf(number: number): Member[] {
  const files = Array.from({ length: FILES }, (_, index) => {
    const line = `file ${index} of ${number}\n`;
    return { name: `dir/${index}`, body: Buffer.from(line.repeat(1 + index * 300)) };
  });
  const procfile = { name: "Procfile", body: Buffer.from(`web: run ${number}\n`) };
  return [
    { name: "dir/", type: "5", mode: 0o755 },
    ...files,
    procfile,
    { name: "link", type: "2", link: "dir/0" },
  ];
}

/** What must lie where the archive was unpacked, as `listTree` tells it. */
function treeOf(number: number): string[] {
  const owner = "1000:1000";
  const lines = membersOf(number).map(({ name, type, link, body = Buffer.alloc(0) }) => {
    if (type === "5") return `dir\td 755 ${owner}`;
    return type === "2" ? `${name}\tl ${owner} ${link}` : `${name}\tf 644 ${owner} ${sumOf(body)}`;
  });
  return [`\td 755 ${owner}`, ...lines].sort();
}

/** Each that is listed is one of the first so many, and whole byte for byte; each of `answered` is listed. */
export async function assertWhole(
  stateDir: string,
  { images, answered, count }: { images: readonly Image[]; answered: Iterable<string>; count: number },
): Promise<void> {
  const digests = Array.from({ length: count }, (_, number) => `sha256:${sumOf(numberedArchive(number))}`);
  for (const { digest, processes } of images) {
    const number = digests.indexOf(digest);
    assert.notEqual(number, -1, `nobody has sent ${digest}`);
    assert.deepEqual(await listTree(filesOf(stateDir, digest)), treeOf(number), `image ${number}`);
    assert.deepEqual({ ...processes }, { web: `run ${number}` });
  }
  const listed = new Set(images.map(({ digest }) => digest));
  for (const digest of answered) assert.ok(listed.has(digest), `${digest} was answered, and is gone`);
  await assertNothingUnfinished(stateDir);
}
