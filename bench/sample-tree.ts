import { createCipheriv } from "node:crypto";
import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { gzipSync, zstdCompressSync } from "node:zlib";
import { runCommand } from "../src/lib/run-command.ts";

/** An app's tree to pack: so many files of the same size, the same bytes on every machine. */
export interface TreeShape {
  readonly files: number;
  readonly bytesPerFile: number;
}

/** How the tree is packed: what tar(1) is told to make it so, and how bytes are that may follow such an archive. */
const packers = {
  plain: { options: [], compress: (bytes: Buffer) => bytes },
  gzip: { options: ["--gzip"], compress: (bytes: Buffer) => gzipSync(bytes) },
  zstd: { options: ["--zstd"], compress: (bytes: Buffer) => zstdCompressSync(bytes) },
} as const;
export type Packing = keyof typeof packers;
export const packings: readonly Packing[] = ["plain", "gzip", "zstd"];

const FILES_PER_DIRECTORY = 100;
const DIRECTORIES_PER_DIRECTORY = 10;
const WORDS = Buffer.from("the same words again, as source code has them; ");
const TAR_BLOCK_BYTES = 512;
/** A key stream is random enough to be incompressible, and the same each time. */
const KEY = Buffer.alloc(32, "sharku");

/** Where a file lies: three levels, as `node_modules` has it, and never many in one directory. */
export function pathOf(index: number): string {
  const directory = Math.floor(index / FILES_PER_DIRECTORY);
  return `lib/part-${Math.floor(directory / DIRECTORIES_PER_DIRECTORY)}/module-${directory}/file-${index}.js`;
}

/** Half of it cannot be compressed, and the other half can very well. */
export function contentOf(index: number, bytes: number): Buffer {
  const nonce = Buffer.alloc(16);
  nonce.writeUInt32BE(index);
  const noise = createCipheriv("aes-256-ctr", KEY, nonce).update(Buffer.alloc(Math.floor(bytes / 2)));
  return Buffer.concat([noise, Buffer.alloc(bytes - noise.length, WORDS)]);
}

/** Writes the tree into a directory that is not there yet. */
export async function writeTree(dir: string, { files, bytesPerFile }: TreeShape): Promise<void> {
  for (let index = 0; index < files; index += 1) {
    const path = join(dir, pathOf(index));
    if (index % FILES_PER_DIRECTORY === 0) await mkdir(dirname(path), { recursive: true });
    await writeFile(path, contentOf(index, bytesPerFile));
  }
}

export async function packTree(dir: string, { file, packing }: { file: string; packing: Packing }) {
  await runCommand([
    "tar",
    "-c",
    ...packers[packing].options,
    "-f",
    file,
    "-C",
    dir,
    "--owner=0",
    "--group=0",
    ".",
  ]);
}

/** Zeros for behind an archive's end, which change its digest and nothing else: another end for each number. */
export function endOf(packing: Packing, number: number): Buffer {
  return packers[packing].compress(Buffer.alloc(TAR_BLOCK_BYTES * (number + 1)));
}
