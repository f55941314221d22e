import Type, { type Static } from "typebox";
import { nullable } from "./words.ts";

/** What a host has, what its procs have been promised by their limits, and what is left. */

const Bytes = Type.Integer({ minimum: 0 });
const Count = Type.Integer({ minimum: 0 });

const Places = Type.Object({ total: Count, used: Count, free: Count });

export const Capacity = Type.Object({
  memory: Type.Object({
    totalBytes: Bytes,
    availableBytes: Type.Integer({
      minimum: 0,
      description: "what the kernel could give now without swapping",
    }),
    usedBytes: Bytes,
    promisedBytes: Type.Integer({ minimum: 0, description: "the limits of all procs that have not ended" }),
    keptBytes: Type.Integer({
      minimum: 0,
      description: "no proc is created while less than this is available",
    }),
    overcommit: nullable(
      Type.Number({ description: "how many times the total may be promised; null: no bound" }),
    ),
    roomBytes: Type.Integer({ minimum: 0, description: "the largest limit that a new proc may have now" }),
  }),
  cpus: Type.Object({
    total: Count,
    promised: Type.Number({ description: "the limits of those that have one" }),
    unboundProcs: Type.Integer({ minimum: 0, description: "those that have none, and share what is there" }),
    loadAverage: Type.Number({ description: "of the last minute" }),
  }),
  disk: Type.Object({
    totalBytes: Bytes,
    availableBytes: Bytes,
    promisedBytes: Bytes,
    keptBytes: Type.Integer({ minimum: 0, description: "nothing starts while less than this is available" }),
  }),
  processes: Type.Object({
    total: Count,
    used: Type.Integer({ minimum: 0, description: "processes and threads of the whole host" }),
    promised: Count,
    kept: Type.Integer({ minimum: 0, description: "no proc is created while fewer than these are free" }),
  }),
  slots: Places,
  ports: Places,
  procs: Type.Integer({ minimum: 0, description: "those that have not ended" }),
});
export type Capacity = Static<typeof Capacity>;
