import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import type { ServerResponse } from "node:http";
import { SharkuError } from "../../src/contract/errors.ts";
import type { Image, ImageFile, ImagePatch, Pruned, PruneRequest } from "../../src/contract/image.ts";
import { parseProcfile } from "../../src/lib/procfile.ts";

/** The images of the fake daemon, by digest. */
export class FakeImages extends Map<string, Image> {
  /** What is in them. */
  readonly files = new Map<string, ImageFile[]>();

  patch(digest: string, patch: ImagePatch): Image {
    const image = this.get(digest);
    if (!image) throw new SharkuError("image-not-found", `Cannot find image "${digest}"`);
    const changed = { ...image, ...patch };
    this.set(digest, changed);
    return changed;
  }

  prune({ all = false, dryRun = false }: PruneRequest): Pruned {
    const going = [...this.values()].filter(({ pinned }) => all && !pinned);
    if (!dryRun) for (const { digest } of going) this.delete(digest);
    const unpackedBytes = going.reduce((sum, image) => sum + image.unpackedBytes, 0);
    return { images: going, unpackedBytes, files: going.length, dryRun };
  }

  takeIn(bytes: Buffer, createdAt: string): Image {
    const digest = `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
    const listing = spawnSync("tar", ["-t"], { input: bytes, encoding: "utf8" });
    if (listing.status !== 0)
      throw new SharkuError("bad-archive", `Cannot take in the archive: ${listing.stderr}`);
    const procfile = spawnSync("tar", ["-xO", "./Procfile"], { input: bytes, encoding: "utf8" });
    const image: Image = {
      digest,
      bytes: bytes.length,
      unpackedBytes: bytes.length,
      files: listing.stdout.trim().split("\n").length,
      processes: procfile.status === 0 ? parseProcfile(procfile.stdout) : {},
      createdAt,
      ...{ lastUsedAt: null, usedBy: 0, pinned: false },
    };
    this.set(digest, image);
    return image;
  }
}

/** To who asks for them, the records of its coming; else the image alone. */
export function answerPush(
  { accept, response }: { readonly accept: string; readonly response: ServerResponse },
  image: Image,
): [status: number, reply: unknown] {
  if (!accept.includes("application/x-ndjson")) return [201, image];
  const { bytes, files } = image;
  const progress = { phase: "unpacking", bytes, totalBytes: null, bytesPerSecond: 0, remainingMs: 0, files };
  response.writeHead(200, { "content-type": "application/x-ndjson" });
  response.end(
    [{ progress }, { image, isNew: true }].map((record) => `${JSON.stringify(record)}\n`).join(""),
  );
  return [200, undefined];
}
