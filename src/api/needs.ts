import type { Delivery, ReplayRequest } from "../contract/callback.ts";
import type { Capacity } from "../contract/capacity.ts";
import type { Df } from "../contract/df.ts";
import type { Event, EventRecord, LogRecord } from "../contract/event.ts";
import type { Info } from "../contract/host.ts";
import type {
  Image,
  ImageFiles,
  ImageFilesQuery,
  ImagePatch,
  Pruned,
  PruneRequest,
} from "../contract/image.ts";
import type { ImageProgress } from "../contract/image-progress.ts";
import type { LogQuery } from "../contract/routes.ts";
import type { AllStatsQuery, Stats, StatsList } from "../contract/stats.ts";
import type { Progress, Template, TemplateSpec } from "../contract/template.ts";
import type { Procs } from "../procs/procs.ts";

/** What the calls are answered from: one door of each room. */
export interface ApiNeeds {
  readonly procs: Procs;
  readonly images: ImageDoor;
  readonly templates: TemplateDoor;
  readonly logs: LogDoor;
  readonly journal: JournalDoor;
  /** With the items of each kind. */
  readonly df: () => Promise<Df>;
  readonly figures: FiguresDoor;
  readonly capacity: () => Capacity;
  readonly info: () => Info;
  readonly health: () => "ok" | "starting" | "stopping";
}

export interface ImageDoor {
  takeIn(
    stream: AsyncIterable<Uint8Array>,
    signal: AbortSignal,
    told?: { readonly totalBytes: number | null; readonly onProgress: (progress: ImageProgress) => void },
  ): Promise<{ readonly image: Image; readonly isNew: boolean }>;
  list(): Image[];
  get(digest: string): Image;
  files(digest: string, query: ImageFilesQuery): Promise<ImageFiles>;
  patch(digest: string, patch: ImagePatch): Promise<Image>;
  prune(request: PruneRequest): Promise<Pruned>;
  remove(digest: string): Promise<void>;
}

/** A build ends when its signal aborts; whatever happens, nothing half-made is left. */
export interface TemplateDoor {
  list(): Template[];
  get(name: string): Template;
  create(spec: TemplateSpec, options: BuildOptions): Promise<Template>;
  takeArchive(
    name: string,
    stream: AsyncIterable<Uint8Array>,
    options: BuildOptions & { readonly replace: boolean },
  ): Promise<Template>;
  remove(name: string): Promise<void>;
}

export interface BuildOptions {
  readonly signal: AbortSignal;
  readonly onProgress: (progress: Progress) => void;
}

export interface LogDoor {
  read(
    procId: string,
    query: LogQuery & { readonly ended?: () => boolean },
    signal: AbortSignal,
  ): AsyncIterable<LogRecord>;
}

export interface FiguresDoor {
  one(id: string): Promise<Stats>;
  all(filter: StatsFilter): Promise<StatsList>;
  follow(id: string, options: FollowFigures): AsyncIterable<Stats>;
  followAll(filter: StatsFilter, options: FollowFigures): AsyncIterable<StatsList>;
}

export type StatsFilter = Pick<AllStatsQuery, "app" | "ended">;

export interface FollowFigures {
  readonly intervalMs: number;
  readonly signal: AbortSignal;
}

export interface JournalDoor {
  follow(options: {
    readonly after: number;
    readonly procId?: string;
    readonly app?: string;
    readonly type?: Event["type"];
    readonly follow: boolean;
    readonly signal: AbortSignal;
  }): AsyncIterable<EventRecord>;
  deliveries(procId: string, page: { after: number; limit: number }): Promise<Delivery[]>;
  replay(procId: string, wanted: ReplayRequest): Promise<number[]>;
}
