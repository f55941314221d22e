import type { Delivery, Replayed, ReplayRequest } from "../contract/callback.ts";
import type { Capacity } from "../contract/capacity.ts";
import type { Df } from "../contract/df.ts";
import { fromProblem } from "../contract/errors.ts";
import type { Event, Gap, LogRecord } from "../contract/event.ts";
import type { ProcHealth } from "../contract/health.ts";
import type { Health, Info } from "../contract/host.ts";
import {
  type Image,
  type ImageFile,
  type ImageFiles,
  type ImagePatch,
  imageFilesMax,
  type Pruned,
  type PruneRequest,
} from "../contract/image.ts";
import type { ImageProgress, PushRecord } from "../contract/image-progress.ts";
import type { Config, Proc, ProcPatch, ProcSpec, StopRequest } from "../contract/proc.ts";
import type { SignalRequest } from "../contract/restart.ts";
import type { EventFilter, EventQuery, LogQuery, ProcFilter, WaitQuery } from "../contract/routes.ts";
import type { AllStatsQuery, Stats, StatsList, StatsQuery } from "../contract/stats.ts";
import type { BuildRecord, Progress, Template, TemplateSpec } from "../contract/template.ts";
import { ConnectionLost } from "./cannot-connect.ts";
import { countUpload } from "./counted-upload.ts";
import { withoutGaps } from "./events-gone.ts";
import { readRecords } from "./ndjson.ts";
import {
  type CallOptions,
  type InputOf,
  type RecordOf,
  type ReplyOf,
  type StreamName,
  Transport,
  type TransportOptions,
  type UploadBody,
} from "./transport.ts";

/**
 * The typed client of the REST API, for programs, for the command line and for browsers.
 *
 * Does: one method for each call of contract/routes.ts, with the types of its schemas; errors of the daemon come
 * as the same SharkuError that the daemon threw; streams come as async iterables.
 * Does not: retry, cache, validate answers, or find the daemon.
 *
 * INVARIANTS
 * - Imports the contract only, and nothing of Node: what runs here runs in a browser.
 * - No call is sent twice.
 * - A stream holds one chunk and one line at most; leaving its loop, or aborting, ends the request.
 */

export type { Capacity } from "../contract/capacity.ts";
// The package has one entry, so what its users catch and name goes out by the same door.
export type { Df } from "../contract/df.ts";
export { SharkuError } from "../contract/errors.ts";
export type { Event, LogRecord } from "../contract/event.ts";
export type { Health, Info } from "../contract/host.ts";
export type { Image } from "../contract/image.ts";
export type { Proc, ProcPatch, ProcSpec } from "../contract/proc.ts";
export type { Stats, StatsList } from "../contract/stats.ts";
export { CannotConnect, ConnectionLost } from "./cannot-connect.ts";
export { EventsGone } from "./events-gone.ts";

export type ClientOptions = TransportOptions;

export interface PushOptions extends CallOptions {
  /** Called as the bytes are handed over, with their number so far. In a browser this streams the upload. */
  readonly onProgress?: ((sentBytes: number) => void) | undefined;
  /** Called as the daemon goes on, also after the last byte. */
  readonly onArrival?: ((progress: ImageProgress) => void) | undefined;
}

export interface EventOptions extends CallOptions {
  /** Called for events that are kept no more, before those that follow them. */
  readonly onGap?: ((gap: Gap["gap"]) => void) | undefined;
}

export interface BuildOptions extends CallOptions {
  readonly onProgress?: ((progress: Progress) => void) | undefined;
}

export interface ArchiveOptions extends BuildOptions {
  /** Make the next version where the name is taken. */
  readonly replace?: boolean | undefined;
  /** Called as the bytes are handed over, with their number so far. */
  readonly onSent?: ((sentBytes: number) => void) | undefined;
}

export class SharkuClient {
  readonly #transport: Transport;

  constructor(options: ClientOptions) {
    this.#transport = new Transport(options);
  }

  createProc(spec: ProcSpec, options?: CallOptions): Promise<Proc> {
    return this.#transport.call("createProc", { ...options, body: spec });
  }

  putProc(id: string, spec: ProcSpec, options?: CallOptions): Promise<Proc> {
    return this.#transport.call("putProc", { ...options, params: { id }, body: spec });
  }

  /** One page; give its `next` back as `cursor` for the one after. */
  listProcs(query?: ProcFilter, options?: CallOptions): Promise<ReplyOf<"listProcs">> {
    return this.#transport.call("listProcs", { ...options, query });
  }

  /** All of them, page after page. */
  allProcs(filter?: ProcFilter, options?: CallOptions): AsyncIterable<Proc> {
    return eachItem((cursor) => this.listProcs({ ...filter, ...cursor }, options));
  }

  getProc(id: string, options?: CallOptions): Promise<Proc> {
    return this.#transport.call("getProc", { ...options, params: { id } });
  }

  /** Changes the limits of a running proc. */
  patchProc(id: string, patch: ProcPatch, options?: CallOptions): Promise<Proc> {
    return this.#transport.call("patchProc", { ...options, params: { id }, body: patch });
  }

  /** Answers once the daemon has taken it on; the proc is gone when `getProc` says `proc-not-found`. */
  deleteProc(id: string, query?: { graceMs?: number }, options?: CallOptions): Promise<Proc> {
    return this.#transport.call("deleteProc", { ...options, params: { id }, query });
  }

  stopProc(id: string, request: StopRequest = {}, options?: CallOptions): Promise<Proc> {
    return this.#transport.call("stopProc", { ...options, params: { id }, body: request });
  }

  /** Errors: `proc-ended`. */
  restartProc(id: string, request: StopRequest = {}, options?: CallOptions): Promise<Proc> {
    return this.#transport.call("restartProc", { ...options, params: { id }, body: request });
  }

  /** Errors: `proc-not-running`. */
  signalProc(id: string, request: SignalRequest, options?: CallOptions): Promise<Proc> {
    return this.#transport.call("signalProc", { ...options, params: { id }, body: request });
  }

  /** Errors: `wait-timeout` after `timeoutMs`. */
  waitProc(id: string, query?: WaitQuery, options?: CallOptions): Promise<Proc> {
    return this.#transport.call("waitProc", { ...options, params: { id }, query });
  }

  procLogs(id: string, query?: LogQuery, options?: CallOptions): AsyncIterable<LogRecord> {
    return this.#stream("procLogs", { ...options, params: { id }, query });
  }

  /** What it uses now, or had used when it ended. */
  procStats(id: string, options?: CallOptions): Promise<Stats> {
    return this.#transport.call("procStats", { ...options, params: { id } });
  }

  /** The same again and again, with what changed in between, until it ends. */
  followStats(
    id: string,
    query?: Pick<StatsQuery, "intervalMs">,
    options?: CallOptions,
  ): AsyncIterable<Stats> {
    return this.#stream("procStats", { ...options, params: { id }, query: { ...query, follow: true } });
  }

  allStats(query?: Pick<AllStatsQuery, "app" | "ended">, options?: CallOptions): Promise<StatsList> {
    return this.#transport.call("allStats", { ...options, query });
  }

  followAllStats(query?: AllStatsQuery, options?: CallOptions): AsyncIterable<StatsList> {
    return this.#stream("allStats", { ...options, query: { ...query, follow: true } });
  }

  procEvents(id: string, query?: EventQuery, { onGap, ...options }: EventOptions = {}): AsyncIterable<Event> {
    return withoutGaps(this.#stream("procEvents", { ...options, params: { id }, query }), { onGap, query });
  }

  procHealth(id: string, options?: CallOptions): Promise<ProcHealth> {
    return this.#transport.call("procHealth", { ...options, params: { id } });
  }

  /** The values of the proc's config: secrets. */
  procConfig(id: string, options?: CallOptions): Promise<Config> {
    return this.#transport.call("procConfig", { ...options, params: { id } });
  }

  /** One page of what has become of its callbacks. */
  listCallbacks(
    id: string,
    query?: InputOf<"procCallbacks">["query"],
    options?: CallOptions,
  ): Promise<ReplyOf<"procCallbacks">> {
    return this.#transport.call("procCallbacks", { ...options, params: { id }, query });
  }

  allCallbacks(id: string, options?: CallOptions): AsyncIterable<Delivery> {
    return eachItem((cursor) => this.listCallbacks(id, cursor, options));
  }

  replayCallbacks(id: string, request: ReplayRequest = {}, options?: CallOptions): Promise<Replayed> {
    return this.#transport.call("replayCallbacks", { ...options, params: { id }, body: request });
  }

  /** Errors: EventsGone where what comes after `after` is kept no more and nobody is there to be told of it. */
  events(query?: EventFilter, { onGap, ...options }: EventOptions = {}): AsyncIterable<Event> {
    return withoutGaps(this.#stream("events", { ...options, query }), { onGap, query });
  }

  /** Sends an archive. A failure of the stream given ends the upload and comes out as it is. */
  async pushImage(body: UploadBody, options: PushOptions = {}): Promise<Image> {
    const upload = countUpload(body, options.onProgress);
    try {
      const input = { signal: options.signal, body: upload.body };
      if (!options.onArrival) return await this.#transport.call("pushImage", input);
      return await this.#arrived(this.#stream("pushImage", input), options);
    } catch (error) {
      throw upload.sourceFailure()?.error ?? error;
    }
  }

  listImages(query?: InputOf<"listImages">["query"], options?: CallOptions): Promise<ReplyOf<"listImages">> {
    return this.#transport.call("listImages", { ...options, query });
  }

  allImages(options?: CallOptions): AsyncIterable<Image> {
    return eachItem((cursor) => this.listImages(cursor, options));
  }

  getImage(digest: string, options?: CallOptions): Promise<Image> {
    return this.#transport.call("getImage", { ...options, params: { digest } });
  }

  /** One page of what is in an image; give its `next` back as `cursor` for the one after. */
  imageFiles(
    digest: string,
    query?: InputOf<"imageFiles">["query"],
    options?: CallOptions,
  ): Promise<ImageFiles> {
    return this.#transport.call("imageFiles", { ...options, params: { digest }, query });
  }

  /** All that is in an image, page after page. */
  allImageFiles(digest: string, options?: CallOptions): AsyncIterable<ImageFile> {
    return eachItem((cursor) => this.imageFiles(digest, { limit: imageFilesMax, ...cursor }, options));
  }

  patchImage(digest: string, patch: ImagePatch, options?: CallOptions): Promise<Image> {
    return this.#transport.call("patchImage", { ...options, params: { digest }, body: patch });
  }

  pruneImages(request: PruneRequest = {}, options?: CallOptions): Promise<Pruned> {
    return this.#transport.call("pruneImages", { ...options, body: request });
  }

  async deleteImage(digest: string, options?: CallOptions): Promise<void> {
    await this.#transport.call("deleteImage", { ...options, params: { digest } });
  }

  listTemplates(options?: CallOptions): Promise<ReplyOf<"listTemplates">> {
    return this.#transport.call("listTemplates", { ...options });
  }

  getTemplate(name: string, options?: CallOptions): Promise<Template> {
    return this.#transport.call("getTemplate", { ...options, params: { name } });
  }

  /** Builds a template to its end; going away ends the build. Errors: what the daemon says of it. */
  createTemplate(spec: TemplateSpec, { onProgress, ...options }: BuildOptions = {}): Promise<Template> {
    return this.#built(this.#stream("createTemplate", { ...options, body: spec }), {
      ...{ onProgress, signal: options.signal },
    });
  }

  /** As `createTemplate`, of the bytes of a root filesystem's archive. */
  async putTemplateArchive(
    name: string,
    body: UploadBody,
    { onProgress, onSent, replace, signal }: ArchiveOptions = {},
  ): Promise<Template> {
    const upload = countUpload(body, onSent);
    const input = { signal, params: { name }, query: replace ? { replace } : {}, body: upload.body };
    try {
      return await this.#built(this.#stream("putTemplateArchive", input), { onProgress, signal });
    } catch (error) {
      throw upload.sourceFailure()?.error ?? error;
    }
  }

  /** Errors: `template-in-use` and others. */
  async deleteTemplate(name: string, options?: CallOptions): Promise<void> {
    await this.#transport.call("deleteTemplate", { ...options, params: { name } });
  }

  /** What takes room on the disk; with `details` each image, template, proc and file. */
  df(query?: InputOf<"df">["query"], options?: CallOptions): Promise<Df> {
    return this.#transport.call("df", { ...options, query });
  }

  info(options?: CallOptions): Promise<Info> {
    return this.#transport.call("info", { ...options });
  }

  capacity(options?: CallOptions): Promise<Capacity> {
    return this.#transport.call("capacity", { ...options });
  }

  live(options?: CallOptions): Promise<Health> {
    return this.#transport.call("live", { ...options });
  }

  /** Says `starting` or `stopping` where the daemon answers but takes no procs. */
  ready(options?: CallOptions): Promise<Health> {
    return this.#transport.call("ready", { ...options });
  }

  async #arrived(records: AsyncIterable<PushRecord>, { onArrival, signal }: PushOptions): Promise<Image> {
    for await (const record of records) {
      if ("image" in record) return record.image;
      if ("problem" in record) throw fromProblem(record.problem);
      onArrival?.(record.progress);
    }
    signal?.throwIfAborted();
    throw new ConnectionLost(this.#transport.baseUrl, new Error("the push's answer ended before its result"));
  }

  async #built(records: AsyncIterable<BuildRecord>, { onProgress, signal }: BuildOptions): Promise<Template> {
    for await (const record of records) {
      if ("template" in record) return record.template;
      if ("problem" in record) throw fromProblem(record.problem);
      onProgress?.(record.progress);
    }
    signal?.throwIfAborted();
    throw new ConnectionLost(
      this.#transport.baseUrl,
      new Error("the build's answer ended before its result"),
    );
  }

  /** The request goes out when the first record is asked for. An abort ends the iteration quietly. */
  async *#stream<N extends StreamName>(name: N, input: InputOf<N>): AsyncGenerator<RecordOf<N>, void> {
    const { baseUrl } = this.#transport;
    try {
      const stream = await this.#transport.open(name, input);
      for await (const record of brokenAsLost(readRecords(stream), baseUrl)) {
        // The daemon answers by the same table that these types are taken from.
        yield record as RecordOf<N>;
      }
    } catch (error) {
      if (!input.signal?.aborted) throw error;
    }
  }
}

async function* brokenAsLost(
  records: AsyncIterable<unknown>,
  baseUrl: string,
): AsyncGenerator<unknown, void> {
  const iterator = records[Symbol.asyncIterator]();
  try {
    while (true) {
      // Ends with the stream.
      const next = await iterator.next().catch((cause: unknown) => {
        throw new ConnectionLost(baseUrl, cause);
      });
      if (next.done) return;
      yield next.value;
    }
  } finally {
    await iterator.return?.();
  }
}

async function* eachItem<T>(
  readPage: (cursor: { cursor?: string }) => Promise<{ items: T[]; next: string | null }>,
): AsyncGenerator<T, void> {
  let page = await readPage({});
  yield* page.items;
  while (page.next !== null) {
    page = await readPage({ cursor: page.next });
    yield* page.items;
  }
}
