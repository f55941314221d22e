import Type, { type Static } from "typebox";
import { procStates } from "./states.ts";
import { Label, nullable, ProcId, strictObject, Time } from "./words.ts";

/** What a proc uses of its host: as the kernel counts it, and null wherever this host does not count it. */

const Bytes = Type.Integer({ minimum: 0 });
const Count = Type.Integer({ minimum: 0 });
const Ms = Type.Integer({ minimum: 0 });

export const MemoryFigures = Type.Object({
  usedBytes: Type.Integer({
    minimum: 0,
    description: "the working set: all but files read and not touched lately, which go when room is wanted",
  }),
  totalBytes: Type.Integer({ minimum: 0, description: "with those; this is what the limit bounds" }),
  anonBytes: Type.Integer({ minimum: 0, description: "what the app itself has allocated" }),
  fileBytes: Type.Integer({ minimum: 0, description: "files kept in memory" }),
  inactiveFileBytes: Type.Integer({ minimum: 0, description: "of those, what nobody has touched lately" }),
  shmemBytes: Type.Integer({ minimum: 0, description: "what is in /tmp, and shared memory" }),
  kernelBytes: nullable(Type.Integer({ minimum: 0, description: "what the kernel holds for it" })),
  limitBytes: nullable(Bytes),
  peakBytes: nullable(Type.Integer({ minimum: 0, description: "the most that `totalBytes` has been" })),
  oomKills: Type.Integer({ minimum: 0, description: "processes that the kernel killed for want of memory" }),
});
export type MemoryFigures = Static<typeof MemoryFigures>;

export const CpuFigures = Type.Object({
  usageMs: Ms,
  userMs: Ms,
  systemMs: Ms,
  limitCpus: nullable(Type.Number()),
  periods: Type.Integer({ minimum: 0, description: "periods of 100 ms in which it ran under a limit" }),
  throttledPeriods: Type.Integer({ minimum: 0, description: "those in which it wanted more and waited" }),
  throttledMs: Ms,
});
export type CpuFigures = Static<typeof CpuFigures>;

export const IoFigures = Type.Object({
  readBytes: Bytes,
  writeBytes: Bytes,
  readOperations: Count,
  writeOperations: Count,
});
export type IoFigures = Static<typeof IoFigures>;

export const DiskFigures = Type.Object({
  usedBytes: Bytes,
  limitBytes: Bytes,
  usedFiles: Count,
  limitFiles: Count,
});
export type DiskFigures = Static<typeof DiskFigures>;

export const NetworkFigures = Type.Object({
  receivedBytes: Bytes,
  sentBytes: Bytes,
  receivedPackets: Count,
  sentPackets: Count,
});
export type NetworkFigures = Static<typeof NetworkFigures>;

export const Figures = Type.Object({
  memory: nullable(MemoryFigures),
  cpu: nullable(CpuFigures),
  pids: nullable(
    Type.Object({
      current: Count,
      limit: nullable(Count),
      refused: nullable(Type.Integer({ minimum: 0, description: "how often it wanted more than its limit" })),
    }),
  ),
  io: nullable(IoFigures),
  disk: nullable(DiskFigures),
  network: nullable(NetworkFigures),
});
export type Figures = Static<typeof Figures>;

export const Rates = Type.Object({
  intervalMs: Type.Integer({ minimum: 1, description: "the time between the two readings" }),
  cpuPercent: nullable(Type.Number({ description: "of one processor: two busy ones are 200" })),
  readBytesPerSecond: nullable(Type.Number()),
  writeBytesPerSecond: nullable(Type.Number()),
  receivedBytesPerSecond: nullable(Type.Number()),
  sentBytesPerSecond: nullable(Type.Number()),
});
export type Rates = Static<typeof Rates>;

/** The figures of one proc: of its run, or of its last one as they were at the end. */
export const Stats = Type.Object({
  id: ProcId,
  app: Label,
  name: Label,
  state: Type.Enum([...procStates]),
  time: Type.String({ format: "date-time", description: "when they were read" }),
  since: nullable(
    Type.String({ format: "date-time", description: "when that run began; it counts from there" }),
  ),
  isFinal: Type.Boolean({ description: "they are those of the end, and change no more" }),
  ...Figures.properties,
  rates: nullable(Rates),
});
export type Stats = Static<typeof Stats>;

export const StatsList = Type.Object({ time: Time, items: Type.Array(Stats) });
export type StatsList = Static<typeof StatsList>;

export const INTERVAL_MS_DEFAULT = 1000;
export const INTERVAL_MS_MIN = 500;
export const INTERVAL_MS_MAX = 3_600_000;

const following = {
  follow: Type.Optional(Type.Boolean({ default: false })),
  intervalMs: Type.Optional(
    Type.Integer({ minimum: INTERVAL_MS_MIN, maximum: INTERVAL_MS_MAX, default: INTERVAL_MS_DEFAULT }),
  ),
};

export const StatsQuery = strictObject(following);
export type StatsQuery = Static<typeof StatsQuery>;

export const AllStatsQuery = strictObject({
  ...following,
  app: Type.Optional(Label),
  ended: Type.Optional(Type.Boolean({ default: false, description: "those that have ended, too" })),
});
export type AllStatsQuery = Static<typeof AllStatsQuery>;
