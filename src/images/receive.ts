import { createHash } from "node:crypto";
import { type FileHandle, open } from "node:fs/promises";
import { addAbortSignal, Readable } from "node:stream";
import { SharkuError } from "../contract/errors.ts";
import type { ArchiveFormat } from "../contract/image.ts";
import { SNIFF_BYTES, sniffFormat } from "../lib/archive-format.ts";
import { unlessSilent } from "../lib/pace.ts";
import { type MakeRoom, toOperatingError, withRoom } from "./disk-errors.ts";

export interface Received {
  readonly digest: string;
  readonly bytes: number;
  readonly format: ArchiveFormat;
}

export interface ReceiveOptions {
  readonly bytesMax: number;
  readonly signal: AbortSignal;
  readonly makeRoom: MakeRoom;
}

const TAR_BLOCK_BYTES = 512;

/**
 * A request's body to read: from now on its failing is noticed by who reads it only, the signal ends it at once,
 * and it stays open where it is refused, so that its sender can be told why. Errors: `request-timeout`.
 */
export function openBody(
  stream: AsyncIterable<Uint8Array>,
  { signal, silentMsMax }: { readonly signal: AbortSignal; readonly silentMsMax: number },
): AsyncIterable<Uint8Array> {
  const wanted = { what: "take in the archive", msMax: silentMsMax };
  if (!(stream instanceof Readable)) return unlessSilent(stream, wanted);
  stream.on("error", () => undefined);
  return unlessSilent(addAbortSignal(signal, stream).iterator({ destroyOnReturn: false }), wanted);
}

/**
 * Writes an archive to a file as it comes, and tells its digest and format. The first bytes are judged before
 * the rest is taken.
 * Errors: `unsupported-archive`, `body-too-large`, `bad-archive`, `disk-full`; what the stream itself throws.
 */
export async function receive(
  stream: AsyncIterable<Uint8Array>,
  options: ReceiveOptions & { readonly file: string },
): Promise<Received> {
  const file = await withRoom(() => open(options.file, "wx", 0o600), options.makeRoom).catch(
    toOperatingError,
  );
  try {
    return await take(stream, { ...options, file });
  } catch (error) {
    options.signal.throwIfAborted();
    throw error;
  } finally {
    await file.close();
  }
}

async function take(
  stream: AsyncIterable<Uint8Array>,
  options: ReceiveOptions & { readonly file: FileHandle },
): Promise<Received> {
  const hash = createHash("sha256");
  let bytes = 0;
  let head: Buffer = Buffer.alloc(0);
  let tail: Buffer = Buffer.alloc(0);
  for await (const chunk of stream) {
    options.signal.throwIfAborted();
    bytes += chunk.byteLength;
    if (bytes > options.bytesMax) throw tooLarge(options.bytesMax);
    if (head.length < SNIFF_BYTES) {
      head = Buffer.concat([head, chunk.subarray(0, SNIFF_BYTES)]);
      if (head.length >= SNIFF_BYTES) judgeFormat(head);
    }
    tail = lastBytes(tail, chunk);
    hash.update(chunk);
    await write(chunk, options).catch(toOperatingError);
  }
  const format = judgeFormat(head);
  if (format === "tar") judgeEnd(tail);
  return { digest: `sha256:${hash.digest("hex")}`, bytes, format };
}

/** Where the disk is full amid a chunk, the rest of it is written once there is room. */
async function write(
  chunk: Uint8Array,
  { file, makeRoom }: ReceiveOptions & { readonly file: FileHandle },
): Promise<void> {
  let written = 0;
  await withRoom(async () => {
    while (written < chunk.byteLength) written += (await file.write(chunk, written)).bytesWritten;
  }, makeRoom);
}

function judgeFormat(head: Buffer): ArchiveFormat {
  const format = sniffFormat(head);
  if (format !== null) return format;
  const found = head.length === 0 ? "it is empty" : `it begins with ${head.subarray(0, 6).toString("hex")}`;
  throw new SharkuError(
    "unsupported-archive",
    `Cannot take in the archive: ${found}, wanted a tar archive, plain or compressed by gzip, zstd or xz`,
  );
}

/** The compressed formats tell for themselves when they are cut off; of plain tar, the tool takes it in silence. */
function judgeEnd(tail: Buffer): void {
  if (tail.length === TAR_BLOCK_BYTES && tail.every((byte) => byte === 0)) return;
  throw new SharkuError(
    "bad-archive",
    "Cannot take in the archive: it is cut off, wanted a tar archive up to its mark of the end",
  );
}

function lastBytes(before: Buffer, chunk: Uint8Array): Buffer {
  const view = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
  if (view.length >= TAR_BLOCK_BYTES) return Buffer.from(view.subarray(-TAR_BLOCK_BYTES));
  return Buffer.concat([before, view]).subarray(-TAR_BLOCK_BYTES);
}

export function otherBytes(found: string, wanted: string): SharkuError {
  return new SharkuError("bad-archive", `Cannot take in the archive: its sum is ${found}, wanted ${wanted}`);
}

function tooLarge(bytesMax: number): SharkuError {
  return new SharkuError(
    "body-too-large",
    `Cannot take in the archive: it has more than ${bytesMax} bytes, wanted at most as many; sharku serve --image-bytes sets how many, .slugignore leaves files out`,
  );
}
