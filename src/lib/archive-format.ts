import type { ArchiveFormat } from "../contract/image.ts";

/** How many bytes of an archive `sniffFormat` wants to see, where there are as many. */
export const SNIFF_BYTES = 512;

const magics: readonly [format: ArchiveFormat, offset: number, bytes: Buffer][] = [
  ["gzip", 0, Buffer.from([0x1f, 0x8b])],
  ["zstd", 0, Buffer.from([0x28, 0xb5, 0x2f, 0xfd])],
  ["xz", 0, Buffer.from([0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00])],
  ["tar", 257, Buffer.from("ustar")],
];

/** The format that the first bytes tell, or null. */
export function sniffFormat(head: Buffer): ArchiveFormat | null {
  for (const [format, offset, bytes] of magics)
    if (head.subarray(offset, offset + bytes.length).equals(bytes)) return format;
  return null;
}
