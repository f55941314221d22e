import Type, { type Static } from "typebox";
import { nullable, Time } from "./words.ts";

/**
 * What takes room below the state directory and the run directory, each byte told once. `app-disks` are what procs have
 * written to `/app`: disk images whose names are gone, which no listing of the directory shows.
 */
export const heldKinds = [
  "images",
  "uploads",
  "damaged-images",
  "templates",
  "builds",
  "app-disks",
  "spare-disks",
  "scratch",
  "logs",
  "exits",
  "database",
  "reserve",
  "other",
  "run-files",
] as const;

export const HeldItem = Type.Object({
  name: Type.String(),
  bytes: Type.Integer(),
  inUse: Type.Boolean(),
  note: Type.Optional(Type.String({ description: "why it is held, or whose it is" })),
});
export type HeldItem = Static<typeof HeldItem>;

/** Sizes are bytes as allocated on the disk: what it would have back. */
export const Held = Type.Object({
  kind: Type.Enum([...heldKinds]),
  count: Type.Integer({ description: "how many there are" }),
  inUse: Type.Integer({ description: "how many of them something uses" }),
  bytes: Type.Integer(),
  freeableBytes: Type.Integer({ description: "what a command could give back now" }),
  items: Type.Optional(Type.Array(HeldItem)),
});
export type Held = Static<typeof Held>;

export const FileSystem = Type.Object({
  path: Type.String(),
  totalBytes: Type.Integer(),
  freeBytes: Type.Integer({ description: "what may still be written" }),
  files: nullable(Type.Integer({ description: "inodes; null where it makes them as they are wanted" })),
  freeFiles: nullable(Type.Integer()),
});
export type FileSystem = Static<typeof FileSystem>;

/** When unused images go, and how much has to go now. */
export const CollectionFacts = Type.Object({
  high: Type.Number({ description: "above this share of bytes or inodes unused images go" }),
  low: Type.Number({ description: "until this one is reached" }),
  graceMs: Type.Integer({ description: "one that came or was used less than so long ago stays" }),
  excessBytes: Type.Integer({ description: "so much has to go now; 0 where no collection is due" }),
  excessFiles: Type.Integer(),
  shortage: nullable(Type.String({ description: "why a collection that is due does not suffice" })),
});
export type CollectionFacts = Static<typeof CollectionFacts>;

export const Df = Type.Object({
  at: Time,
  stateBytes: Type.Integer({ description: "all of `held` but `run-files`, which are in the run directory" }),
  runBytes: Type.Integer(),
  held: Type.Array(Held),
  fileSystems: Type.Array(FileSystem, { description: "that of the state directory first" }),
  collection: CollectionFacts,
});
export type Df = Static<typeof Df>;
