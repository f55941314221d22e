/** Of ext4, as the images are made. */
const BLOCK_BYTES = 4096;
const INODE_BYTES = 256;
const BLOCKS_PER_GROUP = 32_768;
const GROUP_DESCRIPTOR_BYTES = 32;

/** One file for each of these bytes: what trees of many small files come to, node_modules among them. */
const BYTES_PER_FILE = 4096;

/** ext4 keeps blocks back for its own extents: 2 %, and never more than these. */
const KEPT_PER_MILLE = 21;
const KEPT_BLOCKS_MAX = 4096;

/** Superblocks with their copies, the first directories, and what rounding takes. */
const SMALL_PARTS_BLOCKS = 64;
const SUPERBLOCK_COPIES_MAX = 24;

export interface DiskShape {
  readonly imageBytes: number;
  readonly inodes: number;
}

/** How large an image must be for an app to write that many bytes into it, and how many files it can make there. */
export function shapeDisk(appBytes: number): DiskShape {
  const data = Math.ceil(appBytes / BLOCK_BYTES);
  const inodes = Math.ceil(appBytes / BYTES_PER_FILE);
  const tables = Math.ceil((inodes * INODE_BYTES) / BLOCK_BYTES);
  const kept = Math.min(KEPT_BLOCKS_MAX, Math.ceil(((data + tables) * KEPT_PER_MILLE) / 1000));
  const groups = Math.ceil((data + tables + kept) / BLOCKS_PER_GROUP) + 1;
  const descriptors = Math.ceil((groups * GROUP_DESCRIPTOR_BYTES) / BLOCK_BYTES);
  const copies = Math.min(groups, SUPERBLOCK_COPIES_MAX);
  const blocks = data + tables + kept + 2 * groups + copies * (1 + descriptors) + SMALL_PARTS_BLOCKS;
  return { imageBytes: blocks * BLOCK_BYTES, inodes };
}
