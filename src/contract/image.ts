import Type, { type Static } from "typebox";
import { Digest, nullable, strictObject, Time } from "./words.ts";

/** An image: an app's archive, unpacked once, named by the sha256 of the archive's bytes. */
export const Image = Type.Object({
  digest: Digest,
  bytes: Type.Integer({ description: "size of the archive" }),
  unpackedBytes: Type.Integer(),
  files: Type.Integer({ description: "files, directories and links in it" }),
  processes: Type.Record(Type.String(), Type.String(), { description: "the lines of its Procfile" }),
  createdAt: Time,
  lastUsedAt: nullable(Time),
  usedBy: Type.Integer({ description: "how many procs have it" }),
  pinned: Type.Boolean({ description: "it is never collected" }),
});
export type Image = Static<typeof Image>;

/** The body of `PATCH /v1/images/{digest}`. */
export const ImagePatch = strictObject({ pinned: Type.Optional(Type.Boolean()) });
export type ImagePatch = Static<typeof ImagePatch>;

/** The body of `POST /v1/images/prune`. */
export const PruneRequest = strictObject({
  all: Type.Optional(
    Type.Boolean({ default: false, description: "every image that no proc has, not only as room is wanted" }),
  ),
  dryRun: Type.Optional(Type.Boolean({ default: false, description: "tell only" })),
});
export type PruneRequest = Static<typeof PruneRequest>;

/** What was removed, or would be. */
export const Pruned = Type.Object({
  images: Type.Array(Image),
  unpackedBytes: Type.Integer(),
  files: Type.Integer(),
  dryRun: Type.Boolean(),
});
export type Pruned = Static<typeof Pruned>;

/** What is in an image: nothing else gets into one. */
export const imageFileTypes = ["file", "directory", "link"] as const;

/**
 * One thing in an image. `path` is below its top; where the bytes of a name are not UTF-8, `pathBase64` stands in for it,
 * and `targetBase64` for `target`. A link's target is told as it is, and followed by nobody.
 */
export const ImageFile = Type.Object({
  path: Type.Optional(Type.String()),
  pathBase64: Type.Optional(Type.String()),
  type: Type.Enum([...imageFileTypes]),
  mode: Type.String({ pattern: "^0[0-7]{3}$" }),
  bytes: Type.Integer({ description: "size of a file; 0 of anything else" }),
  target: Type.Optional(Type.String()),
  targetBase64: Type.Optional(Type.String()),
});
export type ImageFile = Static<typeof ImageFile>;

/** A page of them: each directory is followed by what is in it, names in the order of their bytes. */
export const ImageFiles = Type.Object({
  items: Type.Array(ImageFile),
  next: nullable(Type.String()),
});
export type ImageFiles = Static<typeof ImageFiles>;

export const imageFilesMax = 10_000;

/** A cursor has a path in it, which can be long. */
export const ImageFilesQuery = strictObject({
  limit: Type.Optional(Type.Integer({ minimum: 1, maximum: imageFilesMax, default: 1000 })),
  cursor: Type.Optional(Type.String({ maxLength: 8192 })),
});
export type ImageFilesQuery = Static<typeof ImageFilesQuery>;

/** What an archive may be: told by its first bytes, never by its name. */
export const archiveFormats = ["tar", "gzip", "zstd", "xz"] as const;
export type ArchiveFormat = (typeof archiveFormats)[number];
