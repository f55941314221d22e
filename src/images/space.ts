import { statfs } from "node:fs/promises";
import type { Image } from "../contract/image.ts";
import { type Candidate, type Excess, excessOf, type Water } from "./collection.ts";

/** How much has to go from the file system that the images lie on. */
export async function spaceExcess(dir: string, water: Water): Promise<Excess> {
  const { blocks, bavail, bsize, files, ffree } = await statfs(dir);
  return {
    bytes: excessOf({ used: (blocks - bavail) * bsize, total: blocks * bsize }, water),
    // Some file systems make inodes as they are wanted, and tell none.
    files: excessOf({ used: files - ffree, total: files === 0 ? null : files }, water),
  };
}

export function candidateOf(image: Image): Candidate {
  return {
    digest: image.digest,
    bytes: image.unpackedBytes,
    files: image.files,
    lastUsedMs: Date.parse(image.lastUsedAt ?? image.createdAt),
    isHeld: image.usedBy > 0 || image.pinned,
  };
}
