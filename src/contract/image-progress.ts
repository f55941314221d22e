import Type, { type Static } from "typebox";
import { Problem } from "./errors.ts";
import { Image } from "./image.ts";
import { nullable } from "./words.ts";

/** How far an image is on its way in, from its first byte to its last file on the disk. */

export const imagePhases = ["waiting", "receiving", "unpacking", "storing"] as const;
export type ImagePhase = (typeof imagePhases)[number];

export const ImageProgress = Type.Object({
  phase: Type.Enum([...imagePhases], {
    description: "waiting: others are fetched first; storing: all of it is being made safe on the disk",
  }),
  bytes: Type.Integer({ description: "of the archive, received" }),
  totalBytes: nullable(Type.Integer({ description: "null where its sender does not say" })),
  bytesPerSecond: Type.Integer({ description: "on the average since the first byte" }),
  remainingMs: nullable(Type.Integer({ description: "until all is received; null where nobody can tell" })),
  files: Type.Integer({ description: "unpacked" }),
});
export type ImageProgress = Static<typeof ImageProgress>;

/** A line of a push's streamed answer: the last one is the image, or what went wrong. */
export const PushRecord = Type.Union([
  Type.Object({ progress: ImageProgress }),
  Type.Object({ image: Image, isNew: Type.Boolean({ description: "false where it was here already" }) }),
  Type.Object({ problem: Problem }),
]);
export type PushRecord = Static<typeof PushRecord>;
