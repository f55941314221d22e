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

/** What an archive may be: told by its first bytes, never by its name. */
export const archiveFormats = ["tar", "gzip", "zstd", "xz"] as const;
export type ArchiveFormat = (typeof archiveFormats)[number];
