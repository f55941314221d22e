import type { Event, LogRecord } from "../contract/event.ts";
import type { Info, Template } from "../contract/host.ts";
import type { Image } from "../contract/image.ts";
import type { LogQuery } from "../contract/routes.ts";
import type { Procs } from "../procs/procs.ts";

/** What the calls are answered from: one door of each room. */
export interface ApiNeeds {
  readonly procs: Procs;
  readonly images: ImageDoor;
  readonly templates: { list(): Template[] };
  readonly logs: LogDoor;
  readonly journal: JournalDoor;
  readonly info: () => Info;
  readonly health: () => "ok" | "starting" | "stopping";
}

export interface ImageDoor {
  takeIn(
    stream: AsyncIterable<Uint8Array>,
    signal: AbortSignal,
  ): Promise<{ readonly image: Image; readonly isNew: boolean }>;
  list(): Image[];
  get(digest: string): Image;
  remove(digest: string): Promise<void>;
}

export interface LogDoor {
  read(
    procId: string,
    query: LogQuery & { readonly ended?: () => boolean },
    signal: AbortSignal,
  ): AsyncIterable<LogRecord>;
}

export interface JournalDoor {
  follow(options: {
    readonly after: number;
    readonly procId?: string;
    readonly follow: boolean;
    readonly signal: AbortSignal;
  }): AsyncIterable<Event>;
}
