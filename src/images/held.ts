import { join } from "node:path";
import type { Held, HeldItem } from "../contract/df.ts";
import type { Image } from "../contract/image.ts";
import { diskUsage, ownUsage } from "../lib/disk-usage.ts";
import type { TreeSizes } from "../lib/tree-sizes.ts";

export interface HeldNeeds {
  readonly dir: string;
  readonly incomingDir: string;
  readonly images: readonly Image[];
  readonly sizes: TreeSizes;
  readonly dirOf: (digest: string) => string;
}

/**
 * The room that images take: their files as counted once, as these never change; what lies beside them, and what is
 * half-taken, as it is now.
 */
export async function heldImages({ dir, incomingDir, images, sizes, dirOf }: HeldNeeds): Promise<Held[]> {
  await sizes.keepOnly(new Set(images.map(({ digest }) => digest)));
  const items = await Promise.all(images.map((image) => itemOf(image, { sizes, dir: dirOf(image.digest) })));
  const free = images.flatMap(({ usedBy, pinned }, index) => (usedBy > 0 || pinned ? [] : items[index]));
  const urlsDir = join(dir, "urls");
  const [incoming, urls] = await Promise.all([diskUsage([incomingDir], { depth: 1 }), diskUsage([urlsDir])]);
  return [
    {
      kind: "images",
      count: items.length,
      inUse: images.filter(({ usedBy }) => usedBy > 0).length,
      bytes: sum(items.map(({ bytes }) => bytes)) + (await ownUsage(dir)) + (urls.get(urlsDir) ?? 0),
      freeableBytes: sum(free.map((item) => item?.bytes ?? 0)),
      items,
    },
    {
      kind: "uploads",
      count: Math.max(0, incoming.size - 1),
      inUse: Math.max(0, incoming.size - 1),
      bytes: incoming.get(incomingDir) ?? 0,
      freeableBytes: 0,
    },
  ];
}

/** `dir` holds the files, what says whose they are, and the marks. */
async function itemOf(
  image: Image,
  { sizes, dir }: { readonly sizes: TreeSizes; readonly dir: string },
): Promise<HeldItem> {
  const [files, ...beside] = await Promise.all([
    sizes.sizeOf(image.digest, join(dir, "files")),
    ...[dir, ...["image.json", "used", "pinned"].map((name) => join(dir, name))].map(ownUsage),
  ]);
  const users = `${image.usedBy} ${image.usedBy === 1 ? "proc" : "procs"}`;
  return {
    name: image.digest,
    bytes: files + sum(beside),
    inUse: image.usedBy > 0,
    note: [image.usedBy > 0 ? users : "", image.pinned ? "pinned" : ""].filter(Boolean).join(", ") || "free",
  };
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
