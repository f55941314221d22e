import Type, { type Static, type TSchema } from "typebox";
import { Delivery, Replayed, ReplayRequest } from "./callback.ts";
import { Capacity } from "./capacity.ts";
import { Df } from "./df.ts";
import { EventRecord, eventTypes, LogRecord, logStreams } from "./event.ts";
import { gilliamRoutes } from "./gilliam.ts";
import { ProcHealth } from "./health.ts";
import { Health, Info } from "./host.ts";
import { Image, ImageFiles, ImageFilesQuery, ImagePatch, Pruned, PruneRequest } from "./image.ts";
import { PushRecord } from "./image-progress.ts";
import { Config, Proc, ProcPatch, ProcSpec, StopRequest } from "./proc.ts";
import { SignalRequest } from "./restart.ts";
import { procStates } from "./states.ts";
import { AllStatsQuery, Stats, StatsList, StatsQuery } from "./stats.ts";
import { BuildRecord, Template, TemplateSpec } from "./template.ts";
import { Cursor, Digest, Label, nullable, ProcId, strictObject, TemplateName } from "./words.ts";

/**
 * Every call of the API: the server checks what comes in against it, the client takes its types from it, the
 * OpenAPI document is made of it.
 */
export interface Route {
  readonly method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  readonly path: string;
  readonly summary: string;
  readonly params?: TSchema;
  readonly query?: TSchema;
  /** `bytes`: the body is taken as it comes, whatever its Content-Type. */
  readonly body?: TSchema | "bytes";
  /** The answer where the call succeeds, by status. */
  readonly replies: Readonly<Record<number, TSchema>>;
  /**
   * The 200 answer is a sequence of such records: NDJSON, SSE or (logs) text, by `Accept`. A call that has other
   * replies too streams only where the caller accepts NDJSON.
   */
  readonly stream?: TSchema;
  /** True for the calls that need no token. */
  readonly open?: boolean;
  /** Another protocol that the call is of; such a one may have an address of its own. */
  readonly face?: "gilliam";
}

const IdParams = strictObject({ id: ProcId });
const DigestParams = strictObject({ digest: Digest });
const TemplateParams = strictObject({ name: TemplateName });
const Nothing = Type.Null();
const Flag = Type.Boolean({ default: false });
const Limit = Type.Integer({ minimum: 1, maximum: 1000, default: 100 });
const GraceMs = Type.Integer({ minimum: 0, maximum: 600_000 });

function page<T extends TSchema>(item: T) {
  return Type.Object({ items: Type.Array(item), next: nullable(Cursor), seq: Type.Integer() });
}

export const ProcFilter = strictObject({
  app: Type.Optional(Label),
  name: Type.Optional(Label),
  state: Type.Optional(Type.Enum([...procStates])),
  label: Type.Optional(Type.String({ description: "key or key=value", maxLength: 320 })),
  limit: Type.Optional(Limit),
  cursor: Type.Optional(Cursor),
});
export type ProcFilter = Static<typeof ProcFilter>;

export const LogQuery = strictObject({
  follow: Type.Optional(Flag),
  tail: Type.Optional(Type.Integer({ minimum: 0, maximum: 1_000_000 })),
  since: Type.Optional(Type.String({ format: "date-time" })),
  until: Type.Optional(Type.String({ format: "date-time" })),
  stream: Type.Optional(Type.Enum([...logStreams])),
  after: Type.Optional(Cursor),
});
export type LogQuery = Static<typeof LogQuery>;

export const EventQuery = strictObject({
  after: Type.Optional(Type.Integer({ minimum: 0 })),
  follow: Type.Optional(Flag),
});
export type EventQuery = Static<typeof EventQuery>;

export const waitGoals = ["running", "ready", "exited"] as const;
export type WaitGoal = (typeof waitGoals)[number];
/** Of all that happens, what is wanted; the numbers of what is left out are not told. */
export const EventFilter = strictObject({
  ...EventQuery.properties,
  app: Type.Optional(Label),
  proc: Type.Optional(ProcId),
  type: Type.Optional(Type.Enum([...eventTypes])),
});
export type EventFilter = Static<typeof EventFilter>;

export const WaitQuery = strictObject({
  until: Type.Optional(Type.Enum([...waitGoals])),
  timeoutMs: Type.Optional(Type.Integer({ minimum: 0, maximum: 300_000, default: 60_000 })),
});
export type WaitQuery = Static<typeof WaitQuery>;

export const routes = {
  createProc: {
    method: "POST",
    path: "/v1/procs",
    summary: "Create a proc and start it",
    body: ProcSpec,
    replies: { 201: Proc },
  },
  putProc: {
    method: "PUT",
    path: "/v1/procs/:id",
    summary: "Create a proc under an id of your choice; repeating it is harmless",
    params: IdParams,
    body: ProcSpec,
    replies: { 200: Proc, 201: Proc },
  },
  listProcs: {
    method: "GET",
    path: "/v1/procs",
    summary: "List the procs, and the number of the last event that the list contains",
    query: ProcFilter,
    replies: { 200: page(Proc) },
  },
  getProc: {
    method: "GET",
    path: "/v1/procs/:id",
    summary: "One proc",
    params: IdParams,
    replies: { 200: Proc },
  },
  patchProc: {
    method: "PATCH",
    path: "/v1/procs/:id",
    summary: "Change the limits of a proc while it runs",
    params: IdParams,
    body: ProcPatch,
    replies: { 200: Proc },
  },
  deleteProc: {
    method: "DELETE",
    path: "/v1/procs/:id",
    summary: "Stop a proc with grace, give everything back, forget it",
    params: IdParams,
    query: strictObject({ graceMs: Type.Optional(GraceMs) }),
    replies: { 202: Proc },
  },
  stopProc: {
    method: "POST",
    path: "/v1/procs/:id/stop",
    summary: "Stop a proc with grace and keep its record",
    params: IdParams,
    body: StopRequest,
    replies: { 202: Proc },
  },
  restartProc: {
    method: "POST",
    path: "/v1/procs/:id/restart",
    summary: "Start a proc again now: with grace where it runs, at once where it waits to be",
    params: IdParams,
    body: StopRequest,
    replies: { 202: Proc },
  },
  signalProc: {
    method: "POST",
    path: "/v1/procs/:id/signal",
    summary: "Send a signal to the main process of a running proc",
    params: IdParams,
    body: SignalRequest,
    replies: { 202: Proc },
  },
  waitProc: {
    method: "GET",
    path: "/v1/procs/:id/wait",
    summary: "The proc, as soon as it has reached that; a state that came and went counts",
    params: IdParams,
    query: WaitQuery,
    replies: { 200: Proc },
  },
  procLogs: {
    method: "GET",
    path: "/v1/procs/:id/logs",
    summary: "Its log: all that is kept, from the oldest, or what the parameters pick",
    params: IdParams,
    query: LogQuery,
    replies: {},
    stream: LogRecord,
  },
  procStats: {
    method: "GET",
    path: "/v1/procs/:id/stats",
    summary: "What it uses, now or again and again; of one that has ended, what it had used at its end",
    params: IdParams,
    query: StatsQuery,
    replies: { 200: Stats },
    stream: Stats,
  },
  allStats: {
    method: "GET",
    path: "/v1/stats",
    summary: "What all procs use, at once",
    query: AllStatsQuery,
    replies: { 200: StatsList },
    stream: StatsList,
  },
  procEvents: {
    method: "GET",
    path: "/v1/procs/:id/events",
    summary: "Its history",
    params: IdParams,
    query: EventQuery,
    replies: {},
    stream: EventRecord,
  },
  procHealth: {
    method: "GET",
    path: "/v1/procs/:id/health",
    summary: "What its checks have come to, and their last results",
    params: IdParams,
    replies: { 200: ProcHealth },
  },
  procConfig: {
    method: "GET",
    path: "/v1/procs/:id/config",
    summary: "The values of its config, which are shown nowhere else",
    params: IdParams,
    replies: { 200: Config },
  },
  procCallbacks: {
    method: "GET",
    path: "/v1/procs/:id/callbacks",
    summary: "What has become of its callbacks, for as long as their events are kept",
    params: IdParams,
    query: strictObject({ limit: Type.Optional(Limit), cursor: Type.Optional(Cursor) }),
    replies: { 200: page(Delivery) },
  },
  replayCallbacks: {
    method: "POST",
    path: "/v1/procs/:id/callbacks/replay",
    summary: "Make callbacks again: those named, or all that were given up or called off",
    params: IdParams,
    body: ReplayRequest,
    replies: { 202: Replayed },
  },
  events: {
    method: "GET",
    path: "/v1/events",
    summary: "Every change of every proc, resumable from any number",
    query: EventFilter,
    replies: {},
    stream: EventRecord,
  },
  pushImage: {
    method: "POST",
    path: "/v1/images",
    summary: "Take in an app's archive: tar, plain or compressed by gzip, zstd or xz",
    body: "bytes",
    replies: { 200: Image, 201: Image },
    stream: PushRecord,
  },
  listImages: {
    method: "GET",
    path: "/v1/images",
    summary: "The images kept here",
    query: strictObject({ limit: Type.Optional(Limit), cursor: Type.Optional(Cursor) }),
    replies: { 200: page(Image) },
  },
  getImage: {
    method: "GET",
    path: "/v1/images/:digest",
    summary: "One image",
    params: DigestParams,
    replies: { 200: Image },
  },
  imageFiles: {
    method: "GET",
    path: "/v1/images/:digest/files",
    summary: "What is in an image; no link is followed",
    params: DigestParams,
    query: ImageFilesQuery,
    replies: { 200: ImageFiles },
  },
  deleteImage: {
    method: "DELETE",
    path: "/v1/images/:digest",
    summary: "Remove an image that no proc uses",
    params: DigestParams,
    replies: { 204: Nothing },
  },
  patchImage: {
    method: "PATCH",
    path: "/v1/images/:digest",
    summary: "Pin an image, so that it is never collected, or let it go",
    params: DigestParams,
    body: ImagePatch,
    replies: { 200: Image },
  },
  pruneImages: {
    method: "POST",
    path: "/v1/images/prune",
    summary: "Remove images that no proc has, as room is wanted or all of them",
    body: PruneRequest,
    replies: { 200: Pruned },
  },
  listTemplates: {
    method: "GET",
    path: "/v1/templates",
    summary: "The base filesystems",
    replies: { 200: page(Template) },
  },
  getTemplate: {
    method: "GET",
    path: "/v1/templates/:name",
    summary: "One base filesystem",
    params: TemplateParams,
    replies: { 200: Template },
  },
  createTemplate: {
    method: "POST",
    path: "/v1/templates",
    summary: "Build a base filesystem; the build lives as long as the call",
    body: TemplateSpec,
    replies: { 201: Template },
    stream: BuildRecord,
  },
  putTemplateArchive: {
    method: "PUT",
    path: "/v1/templates/:name/archive",
    summary: "Take in a root filesystem: tar, plain or compressed by gzip, zstd or xz",
    params: TemplateParams,
    query: strictObject({ replace: Type.Optional(Flag) }),
    body: "bytes",
    replies: { 201: Template },
    stream: BuildRecord,
  },
  deleteTemplate: {
    method: "DELETE",
    path: "/v1/templates/:name",
    summary: "Remove a base filesystem that nothing uses",
    params: TemplateParams,
    replies: { 204: Nothing },
  },
  df: {
    method: "GET",
    path: "/v1/df",
    summary: "What takes room on the disk, each byte told once, and what could give some back",
    query: strictObject({ details: Type.Optional(Flag) }),
    replies: { 200: Df },
  },
  info: { method: "GET", path: "/v1/info", summary: "This hypervisor", replies: { 200: Info } },
  capacity: {
    method: "GET",
    path: "/v1/capacity",
    summary: "What this host has, what its procs were promised, and what is left",
    replies: { 200: Capacity },
  },
  live: {
    method: "GET",
    path: "/livez",
    summary: "The daemon answers",
    open: true,
    replies: { 200: Health },
  },
  ready: {
    method: "GET",
    path: "/readyz",
    summary: "The daemon has found its procs again and takes new ones",
    open: true,
    replies: { 200: Health, 503: Health },
  },
  ...gilliamRoutes,
} as const satisfies Record<string, Route>;

export type RouteName = keyof typeof routes;
