import { createHash } from "node:crypto";
import { Readable } from "node:stream";
import { SharkuError } from "../contract/errors.ts";
import type { ArchiveFormat } from "../contract/image.ts";
import { SNIFF_BYTES, sniffFormat } from "../lib/archive-format.ts";
import { unlessSilent } from "../lib/pace.ts";
import type { BuildLimits } from "./needs.ts";
import { type Explain, runJob } from "./outcome.ts";
import { UNPACK } from "./scripts.ts";
import { type Fill, shell } from "./site.ts";

const TAR_BLOCK_BYTES = 512;
/** Between two words about how many files there are so far. */
const LINES_BETWEEN_WORDS = 500;

/**
 * Fills the tree with the files of an archive, as it comes: it is never stored. Its members keep their owners.
 * Errors: `unsupported-archive`, `bad-template`, `body-too-large`, `disk-full`, `request-timeout`; what the stream throws.
 */
export function fillArchive(stream: AsyncIterable<Uint8Array>): Fill {
  return async (site) => {
    const { limits, sandbox } = site.needs;
    const archive = await openArchive(stream, limits);
    const ending = new AbortController();
    let files = 0;
    const onLine = (line: string) => {
      files += 1;
      if (files > limits.filesMax)
        ending.abort(bad(`it has more than ${limits.filesMax} files, wanted at most ${limits.filesMax}`));
      if (files % LINES_BETWEEN_WORDS === 1) site.teller.tell("receiving", `${files} files, at ${line}`);
    };
    const job = {
      jobId: site.jobId,
      argv: shell(UNPACK, archive.format, String(limits.treeBytesMax)),
      root: "tools" as const,
      binds: [{ source: site.treeDir, destination: "/mnt", writable: true }],
      network: "none" as const,
      input: archive.input,
      onLine,
      signal: AbortSignal.any([site.signal, ending.signal]),
    };
    try {
      await runJob(job, { sandbox, isList: true, explain: explainUnpack(limits.treeBytesMax) });
    } catch (error) {
      // Who sends it may have stopped in the middle: then the archive is not to blame.
      throw archive.failure() ?? error;
    }
    const { digest, bytes } = await archive.end();
    return {
      kind: "archive",
      description: `an archive of ${bytes} bytes`,
      source: { archive: { digest, bytes } },
      sourcesList: "",
    };
  };
}

interface Archive {
  readonly format: ArchiveFormat;
  readonly input: Readable;
  /** Why the stream broke off, or went on for too long. */
  failure(): unknown;
  /** To be called once it was read whole. Errors: `bad-template` where it is cut off. */
  end(): Promise<{ digest: string; bytes: number }>;
}

async function openArchive(
  stream: AsyncIterable<Uint8Array>,
  { archiveBytesMax: bytesMax, archiveSilentMsMax: msMax }: BuildLimits,
): Promise<Archive> {
  const hash = createHash("sha256");
  const seen: { bytes: number; tail: Buffer; failure: unknown; isWhole: boolean } = {
    ...{ bytes: 0, tail: Buffer.alloc(0), failure: undefined, isWhole: false },
  };
  const chunks = unlessSilent(chunksOf(stream), { what: "take in the template's archive", msMax });
  const iterator = chunks[Symbol.asyncIterator]();
  let head = Buffer.alloc(0);
  for (let next = await iterator.next(); next.done !== true; next = await iterator.next()) {
    head = Buffer.concat([head, next.value]);
    if (head.length >= SNIFF_BYTES) break;
  }
  const format = sniffFormat(head);
  if (format === null) throw unsupported(head);
  function fail(error: unknown): never {
    seen.failure = error;
    throw error;
  }
  // What is thrown at the yield is of who reads, and stopped reading: no failure of the stream.
  async function* counted(): AsyncGenerator<Buffer> {
    for (
      let next: IteratorResult<Buffer> = { done: false, value: head };
      next.done !== true;
      next = await iterator.next().catch(fail)
    ) {
      seen.bytes += next.value.length;
      if (seen.bytes > bytesMax) fail(tooLarge(bytesMax));
      hash.update(next.value);
      seen.tail = Buffer.concat([seen.tail, next.value.subarray(-TAR_BLOCK_BYTES)]).subarray(
        -TAR_BLOCK_BYTES,
      );
      yield next.value;
    }
    seen.isWhole = true;
  }
  return {
    format,
    input: Readable.from(counted(), { objectMode: false }),
    failure: () => seen.failure,
    end: async () => {
      if (format === "tar" && !(seen.isWhole && isEndMark(seen.tail)))
        throw bad("it is cut off, wanted a tar archive up to its mark of the end");
      return { digest: `sha256:${hash.digest("hex")}`, bytes: seen.bytes };
    },
  };
}

/** A request stays open where its body is refused, so that its sender can be told why. */
async function* chunksOf(stream: AsyncIterable<Uint8Array>): AsyncGenerator<Buffer> {
  if (stream instanceof Readable) stream.on("error", () => undefined);
  const chunks = stream instanceof Readable ? stream.iterator({ destroyOnReturn: false }) : stream;
  for await (const chunk of chunks) yield Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
}

/** tar takes a plain archive that is cut off between two members in silence. */
function isEndMark(tail: Buffer): boolean {
  return tail.length === TAR_BLOCK_BYTES && tail.every((byte) => byte === 0);
}

function explainUnpack(bytesMax: number): Explain {
  return ({ end }) => {
    const what = "Cannot take in the template's archive";
    if (end.code === 66) return ["bad-template", `${what}: it cannot be decompressed, wanted a whole file`];
    if (end.code === 67)
      return ["bad-template", `${what}: it has more than ${bytesMax} bytes when it is decompressed`];
    return ["bad-template", `${what}: tar stopped, wanted a root filesystem without a fault`];
  };
}

function bad(why: string): SharkuError {
  return new SharkuError("bad-template", `Cannot take in the template's archive: ${why}`);
}

function tooLarge(bytesMax: number): SharkuError {
  return new SharkuError(
    "body-too-large",
    `Cannot take in the template's archive: it has more than ${bytesMax} bytes, wanted at most ${bytesMax}`,
  );
}

function unsupported(head: Buffer): SharkuError {
  const found = head.length === 0 ? "it is empty" : `it begins with ${head.subarray(0, 6).toString("hex")}`;
  return new SharkuError(
    "unsupported-archive",
    `Cannot take in the template's archive: ${found}, wanted a tar archive, plain or compressed by gzip, zstd or xz`,
  );
}
