import Type, { type Static } from "typebox";
import { RuntimeName } from "./words.ts";

/** What holds the limit of an /app: a disk image of its own, or nothing on a host that cannot; and why it is so. */
const AppDisk = Type.Object({ kind: Type.Enum(["image", "none"]), reason: Type.String() });

/** An OCI runtime, and what a trial of it has shown. */
const RuntimeInfo = Type.Object({
  name: RuntimeName,
  path: Type.String(),
  version: Type.String(),
  usable: Type.Boolean({ description: "whether a trial container ran" }),
  isDefault: Type.Boolean(),
  features: Type.Record(Type.String(), Type.Boolean()),
  problems: Type.Array(Type.String(), {
    description: "what is wrong with it, and faults known of its version",
  }),
});

/** One host running the daemon. */
export const Info = Type.Object({
  name: Type.String(),
  version: Type.String(),
  instance: Type.String({ description: "part of every name that this daemon takes on the host" }),
  startedAt: Type.String({ format: "date-time" }),
  portRange: Type.String(),
  addresses: Type.Array(Type.String()),
  runtime: Type.Object({ name: Type.String(), version: Type.String() }),
  runtimes: Type.Array(RuntimeInfo),
  cgroup: Type.Enum(["v1", "v2"]),
  appDisk: AppDisk,
  procs: Type.Record(Type.String(), Type.Integer()),
});
export type Info = Static<typeof Info>;

export const Health = Type.Object({ status: Type.Enum(["ok", "starting", "stopping"]) });
export type Health = Static<typeof Health>;
