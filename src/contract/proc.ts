import Type, { type Static } from "typebox";
import { HealthChecks, HealthSpec } from "./health.ts";
import { ImageProgress } from "./image-progress.ts";
import { Restart, TtlMs } from "./restart.ts";
import { exitReasons, procStates } from "./states.ts";
import {
  Digest,
  Label,
  nullable,
  Port,
  ProcessName,
  ProcId,
  RuntimeName,
  strictObject,
  TemplateName,
  Time,
} from "./words.ts";

/** A proc: one running copy of an app's process, as it is asked for and as it is answered. */

const MIB = 1024 * 1024;

/** With what a disk has besides, about the largest file that ext4 takes: 16 TiB. */
export const APP_BYTES_MAX = 15 * 2 ** 40;

/** A command as a string runs by `/bin/sh -c`, as an array directly. */
export const Command = Type.Union([
  Type.String({ minLength: 1, maxLength: 65536, pattern: "^[^\\u0000]+$" }),
  Type.Array(Type.String({ maxLength: 65536, pattern: "^[^\\u0000]*$" }), { minItems: 1, maxItems: 1024 }),
]);
export type Command = Static<typeof Command>;

/** The app's environment. Its values are secrets: they are shown by one call only, `GET …/config`. */
export const Config = Type.Record(
  Type.String({ pattern: "^[A-Za-z_][A-Za-z0-9_]{0,254}$" }),
  Type.String({ maxLength: 32768, pattern: "^[^\\u0000]*$" }),
  { additionalProperties: false, maxProperties: 1024 },
);
export type Config = Static<typeof Config>;

export const Limits = strictObject({
  memoryBytes: Type.Integer({ minimum: 4 * MIB, maximum: 2 ** 50, default: 512 * MIB }),
  cpus: nullable(Type.Number({ minimum: 0.01, maximum: 4096 })),
  pids: Type.Integer({ minimum: 2, maximum: 4194304, default: 256 }),
  appBytes: Type.Integer({
    minimum: 4 * MIB,
    maximum: APP_BYTES_MAX,
    default: 1024 * MIB,
    description: "what it may write to /app; the number of files is bounded in proportion",
  }),
  tmpBytes: Type.Integer({ minimum: 4096, maximum: 2 ** 50, default: 64 * MIB }),
  openFiles: Type.Integer({ minimum: 16, maximum: 1048576, default: 4096 }),
});
export type Limits = Static<typeof Limits>;

export const defaultLimits: Limits = {
  memoryBytes: 512 * MIB,
  cpus: null,
  pids: 256,
  appBytes: 1024 * MIB,
  tmpBytes: 64 * MIB,
  openFiles: 4096,
};

/** The limits that a running proc takes on at once; the others hold from its start to its end. */
export const LiveLimits = Type.Pick(Limits, ["memoryBytes", "cpus", "pids"]);
export type LiveLimits = Static<typeof LiveLimits>;

/** Signals that a proc may be stopped with. */
export const stopSignals = [
  "SIGTERM",
  "SIGINT",
  "SIGQUIT",
  "SIGHUP",
  "SIGUSR1",
  "SIGUSR2",
  "SIGKILL",
] as const;

/** Which processes of a proc a stop's signal goes to. */
export const stopTargets = ["main", "all"] as const;

export const Stop = strictObject({
  signal: Type.Enum([...stopSignals]),
  graceMs: Type.Integer({ minimum: 0, maximum: 600_000, default: 30_000 }),
  target: Type.Enum([...stopTargets], {
    default: "main",
    description:
      "who gets the signal: the main process, or all of them, of which the main one gets it when the others have ended (a runtime with a kernel of its own tells all at once)",
  }),
});
export type Stop = Static<typeof Stop>;

export const defaultStop: Stop = { signal: "SIGTERM", graceMs: 30_000, target: "main" };

export const networkModes = ["private", "none"] as const;

export const Network = strictObject({
  mode: Type.Enum([...networkModes]),
});
export type Network = Static<typeof Network>;

export const defaultNetwork: Network = { mode: "private" };

const CallbackUrl = Type.String({ format: "uri", pattern: "^https?://", maxLength: 2048 });

/** After `whsec_` a key in base64, as Standard Webhooks writes them; any other text is the key as it stands. */
const CallbackSecret = Type.String({
  minLength: 1,
  maxLength: 512,
  pattern:
    "^(whsec_([A-Za-z0-9+/]{4})*([A-Za-z0-9+/]{4}|[A-Za-z0-9+/]{3}=|[A-Za-z0-9+/]{2}==)|(?!whsec_)[^\\u0000]+)$",
});

/** Where each change is told, and what that is signed with: several secrets while one is replaced by the next. */
export const Callback = Type.Union([
  CallbackUrl,
  strictObject({
    url: CallbackUrl,
    secret: Type.Optional(
      Type.Union([CallbackSecret, Type.Array(CallbackSecret, { minItems: 1, maxItems: 4 })]),
    ),
  }),
]);
export type Callback = Static<typeof Callback>;

export const Labels = Type.Record(
  Type.String({ pattern: "^[A-Za-z0-9][A-Za-z0-9._/-]{0,62}$" }),
  Type.String({ maxLength: 256 }),
  { additionalProperties: false, maxProperties: 64 },
);
export type Labels = Static<typeof Labels>;

const ImageUrl = Type.String({ format: "uri", pattern: "^https?://", maxLength: 2048 });

/** One stored here by its digest, or one to be fetched; where its sha256 is given too, no other bytes are run. */
export const ImageRef = Type.Union([
  Digest,
  ImageUrl,
  strictObject({
    url: ImageUrl,
    sha256: Type.Optional(Type.String({ pattern: "^(sha256:)?[0-9a-f]{64}$" })),
  }),
]);
export type ImageRef = Static<typeof ImageRef>;

/** The body of `POST /v1/procs` and `PUT /v1/procs/{id}`. */
export const ProcSpec = strictObject({
  app: Label,
  name: Label,
  image: Type.Optional(nullable(ImageRef)),
  template: Type.Optional(TemplateName),
  command: Type.Optional(Command),
  process: Type.Optional(ProcessName),
  config: Type.Optional(Config),
  callback: Type.Optional(nullable(Callback)),
  limits: Type.Optional(Type.Partial(Limits, { additionalProperties: false })),
  stop: Type.Optional(Type.Partial(Stop, { additionalProperties: false })),
  restart: Type.Optional(Type.Partial(Restart, { additionalProperties: false })),
  ttlMs: Type.Optional(nullable(TtlMs)),
  network: Type.Optional(Type.Partial(Network, { additionalProperties: false })),
  health: Type.Optional(nullable(HealthSpec)),
  runtime: Type.Optional(RuntimeName),
  labels: Type.Optional(Labels),
});
export type ProcSpec = Static<typeof ProcSpec>;

/** The body of `PATCH /v1/procs/{id}`, a merge patch: what it names is changed, the rest stays. */
export const ProcPatch = strictObject({
  limits: Type.Optional(Type.Partial(LiveLimits, { additionalProperties: false })),
});
export type ProcPatch = Static<typeof ProcPatch>;

/** How a proc ended. `code` is null where nobody saw it, never 0 by guess. */
export const Exit = Type.Object({
  code: nullable(Type.Integer()),
  signal: nullable(Type.String()),
  reason: Type.Enum([...exitReasons]),
  oom: Type.Boolean(),
  killed: Type.Boolean({ description: "it outlived its grace and was killed" }),
  message: Type.String(),
  logTail: Type.Optional(
    Type.Array(Type.String(), {
      description: "its last lines, after an end that nobody wanted; never in events",
    }),
  ),
  at: Time,
});
export type Exit = Static<typeof Exit>;

/** How long the parts of the last start took, in milliseconds. */
export const Timings = Type.Record(Type.String(), Type.Number());
export type Timings = Static<typeof Timings>;

export const Proc = Type.Object({
  id: ProcId,
  app: Label,
  name: Label,
  state: Type.Enum([...procStates]),
  ready: Type.Boolean({ description: "it runs, and its startup and readiness have passed" }),
  readyAt: nullable(Time),
  healthy: nullable(
    Type.Boolean({ description: "what its liveness comes to; null where it has no such check" }),
  ),
  exit: nullable(Exit),
  image: nullable(
    Type.Object({
      ref: Type.String({ description: "as it was asked for, without the query of a URL" }),
      digest: nullable(Digest),
      bytes: nullable(Type.Integer()),
    }),
  ),
  progress: nullable(ImageProgress),
  template: TemplateName,
  command: nullable(Command),
  process: nullable(ProcessName),
  configNames: Type.Array(Type.String()),
  port: nullable(Port),
  ports: Type.Record(Type.String(), Port),
  address: nullable(Type.String({ description: "host:port where the proc's PORT is published" })),
  network: Network,
  limits: Limits,
  stop: Stop,
  restart: Restart,
  restarts: Type.Integer({ description: "how often it has been started again" }),
  nextRestartAt: nullable(Time),
  lastExit: nullable(Exit),
  ttlMs: nullable(TtlMs),
  expiresAt: nullable(Time),
  health: HealthChecks,
  runtime: RuntimeName,
  labels: Labels,
  hypervisor: Type.String(),
  createdAt: Time,
  startedAt: nullable(Time),
  exitedAt: nullable(Time),
  timings: Timings,
  links: Type.Object({
    self: Type.String(),
    logs: Type.String(),
    events: Type.String(),
    health: Type.String(),
    stats: Type.String(),
  }),
});
export type Proc = Static<typeof Proc>;

/** Body of `POST /v1/procs/{id}/stop`. */
export const StopRequest = Type.Partial(Type.Pick(Stop, ["signal", "graceMs"]), {
  additionalProperties: false,
});
export type StopRequest = Static<typeof StopRequest>;
