import Type, { type Static } from "typebox";

/** One host running the daemon. */
export const Info = Type.Object({
  name: Type.String(),
  version: Type.String(),
  instance: Type.String({ description: "part of every name that this daemon takes on the host" }),
  startedAt: Type.String({ format: "date-time" }),
  portRange: Type.String(),
  addresses: Type.Array(Type.String()),
  runtime: Type.Object({ name: Type.String(), version: Type.String() }),
  cgroup: Type.Enum(["v1", "v2"]),
  procs: Type.Record(Type.String(), Type.Integer()),
});
export type Info = Static<typeof Info>;

export const Health = Type.Object({ status: Type.Enum(["ok", "starting", "stopping"]) });
export type Health = Static<typeof Health>;
