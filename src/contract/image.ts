import Type, { type Static } from "typebox";
import { Digest, Time } from "./words.ts";

/** An image: an app's archive, unpacked once, named by the sha256 of the archive's bytes. */
export const Image = Type.Object({
  digest: Digest,
  bytes: Type.Integer({ description: "size of the archive" }),
  unpackedBytes: Type.Integer(),
  files: Type.Integer({ description: "files, directories and links in it" }),
  processes: Type.Record(Type.String(), Type.String(), { description: "the lines of its Procfile" }),
  createdAt: Time,
});
export type Image = Static<typeof Image>;

/** What an archive may be: told by its first bytes, never by its name. */
export const archiveFormats = ["tar", "gzip", "zstd", "xz"] as const;
export type ArchiveFormat = (typeof archiveFormats)[number];
