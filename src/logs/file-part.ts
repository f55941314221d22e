import { open } from "node:fs/promises";

/** How much of a log is in memory at once for a reader; longer lines without a newline are told in parts. */
export const CHUNK_BYTES = 64 * 1024;

export interface FilePart {
  readonly bytes: Buffer;
  /** Size of the whole file, now. */
  readonly size: number;
}

const nothing: FilePart = { bytes: Buffer.alloc(0), size: 0 };

/**
 * Reads at most a chunk of a file, ending before byte `end`. The file is open for that moment only, so that a
 * reader who stops to read holds nothing. A file that is gone is empty.
 */
export async function readFilePart(
  path: string,
  { start, end }: { start: number; end: number },
): Promise<FilePart> {
  const file = await open(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return null;
    throw error;
  });
  if (file === null) return nothing;
  try {
    const { size } = await file.stat();
    const length = Math.max(0, Math.min(end, size, start + CHUNK_BYTES) - start);
    if (length === 0) return { bytes: nothing.bytes, size };
    const { buffer, bytesRead } = await file.read(Buffer.allocUnsafe(length), 0, length, start);
    return { bytes: buffer.subarray(0, bytesRead), size };
  } finally {
    await file.close();
  }
}
