import { statfs } from "node:fs/promises";

/** What an empty disk of the usual size takes beside: its first blocks, copies of them, and the tables begun. */
const EMPTY_BYTES = 56 * 1024;
const INODE_BYTES = 256;

/**
 * What the image of a disk takes of the host's, told from within. Its name is gone, and so nobody can look at the file
 * itself; but it holds just the blocks that the file system in it has given out, as those given back are holes again,
 * beside the inodes and what it began with. What waits to be written counts as well. A deleted file's inode stays.
 */
export async function takenBy(dir: string): Promise<number> {
  const { blocks, bfree, bsize, files, ffree } = await statfs(dir);
  return EMPTY_BYTES + (blocks - bfree) * bsize + (files - ffree) * INODE_BYTES;
}
