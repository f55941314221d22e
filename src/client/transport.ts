import type { Static, TSchema } from "typebox";
import { fromProblem, type Problem, SharkuError } from "../contract/errors.ts";
import { type Route, type RouteName, routes } from "../contract/routes.ts";
import { CannotConnect } from "./cannot-connect.ts";

/** What a call may be given besides its input. */
export interface CallOptions {
  readonly signal?: AbortSignal | undefined;
}

export type UploadBody = ReadableStream<Uint8Array> | Blob | Uint8Array<ArrayBuffer>;

export interface FetchInit {
  method: string;
  headers: Record<string, string>;
  body?: string | UploadBody;
  signal?: AbortSignal;
  /** The standard wants it said wherever the body is a stream. */
  duplex?: "half";
}

/** As much of `fetch` as is used here: the global one fits, and so does one that goes through a unix socket. */
export type Fetch = (url: string, init: FetchInit) => Promise<Response>;

export interface TransportOptions {
  readonly baseUrl: string;
  readonly token?: string | undefined;
  readonly fetch?: Fetch | undefined;
}

type RouteOf<N extends RouteName> = (typeof routes)[N];
type StaticOf<S> = S extends TSchema ? Static<S> : never;

type ParamsOf<N extends RouteName> =
  RouteOf<N> extends { params: infer S extends TSchema } ? { readonly params: Static<S> } : object;
type QueryOf<N extends RouteName> =
  RouteOf<N> extends { query: infer S extends TSchema } ? { readonly query?: Static<S> | undefined } : object;
type BodyOf<N extends RouteName> =
  RouteOf<N> extends { body: infer S }
    ? { readonly body: S extends TSchema ? Static<S> : UploadBody }
    : object;

/** What a call takes, and what it answers, as the table of routes has it. */
export type InputOf<N extends RouteName> = ParamsOf<N> & QueryOf<N> & BodyOf<N> & CallOptions;
export type ReplyOf<N extends RouteName> = StaticOf<RouteOf<N>["replies"][keyof RouteOf<N>["replies"]]>;
export type RecordOf<N extends RouteName> =
  RouteOf<N> extends { stream: infer S extends TSchema } ? Static<S> : never;

/** The calls whose answer is a sequence of records. */
export type StreamName = {
  [N in RouteName]: RouteOf<N> extends { stream: TSchema } ? N : never;
}[RouteName];

/** Every input, seen without its types. */
interface AnyInput extends CallOptions {
  readonly params?: unknown;
  readonly query?: unknown;
  readonly body?: unknown;
}

/** Makes calls: a URL and a body out of a route and its input, an answer or an error out of the response. */
export class Transport {
  readonly baseUrl: string;
  readonly #token: string | undefined;
  readonly #fetch: Fetch;

  constructor(options: TransportOptions) {
    this.baseUrl = options.baseUrl.replace(/\/+$/, "");
    this.#token = options.token;
    this.#fetch = options.fetch ?? ((url, init) => fetch(url, init));
  }

  /** Errors: SharkuError where the daemon refuses, CannotConnect where it gives no answer, else the abort. */
  async call<N extends RouteName>(name: N, input: InputOf<N>): Promise<ReplyOf<N>> {
    const response = await this.#send(routes[name], { input, asStream: false });
    const reply: unknown = response.status === 204 ? null : await this.#readJson(response, input.signal);
    // The daemon answers by the same table that these types are taken from.
    return reply as ReplyOf<N>;
  }

  /** The bytes of a streamed answer. Errors: as `call`. */
  async open<N extends StreamName>(name: N, input: InputOf<N>): Promise<ReadableStream<Uint8Array>> {
    const response = await this.#send(routes[name], { input, asStream: true });
    return response.body ?? new ReadableStream({ start: (controller) => controller.close() });
  }

  async #send(route: Route, { input, asStream }: { input: AnyInput; asStream: boolean }): Promise<Response> {
    const response = await this.#fetchAnswer(route, { input, asStream });
    const expected =
      Object.hasOwn(route.replies, response.status) || (route.stream && response.status === 200);
    if (expected) return response;
    throw await readRefusal(route, response);
  }

  async #fetchAnswer(
    route: Route,
    { input, asStream }: { input: AnyInput; asStream: boolean },
  ): Promise<Response> {
    const url = this.baseUrl + pathOf(route, input.params) + queryOf(input.query);
    const init = initOf(route, { input, asStream });
    if (this.#token !== undefined) init.headers["authorization"] = `Bearer ${this.#token}`;
    try {
      return await this.#fetch(url, init);
    } catch (cause) {
      if (input.signal?.aborted) throw cause;
      throw new CannotConnect(this.baseUrl, cause);
    }
  }

  async #readJson(response: Response, signal: AbortSignal | undefined): Promise<unknown> {
    const text = await response.text().catch((cause: unknown) => {
      throw signal?.aborted ? cause : new CannotConnect(this.baseUrl, cause);
    });
    return (
      parseJson(text) ?? fail(`Cannot read the answer of "${this.baseUrl}": it is not JSON, is this Sharku`)
    );
  }
}

function fail(message: string): never {
  throw new SharkuError("internal", message);
}

function pathOf(route: Route, params: unknown): string {
  const values = new Map(givenFields(params));
  return route.path.replace(/:(\w+)/g, (_, name: string) => encodeURIComponent(values.get(name) ?? ""));
}

function queryOf(query: unknown): string {
  const fields = givenFields(query);
  return fields.length === 0 ? "" : `?${new URLSearchParams(fields)}`;
}

function givenFields(input: unknown): [name: string, value: string][] {
  const fields = Object.entries(input ?? {}).filter(([, value]) => value !== undefined);
  return fields.map(([name, value]) => [name, String(value)]);
}

function initOf(route: Route, { input, asStream }: { input: AnyInput; asStream: boolean }): FetchInit {
  const accept = asStream ? "application/x-ndjson, application/problem+json" : "application/json";
  const init: FetchInit = { method: route.method, headers: { accept } };
  if (input.signal) init.signal = input.signal;
  if (route.body === "bytes") {
    init.headers["content-type"] = "application/octet-stream";
    // The types of `call` let nothing else in where the route says bytes.
    init.body = input.body as UploadBody;
    if (init.body instanceof ReadableStream) init.duplex = "half";
  } else if (route.body) {
    init.headers["content-type"] = "application/json";
    init.body = JSON.stringify(input.body);
  }
  return init;
}

async function readRefusal(route: Route, response: Response): Promise<SharkuError> {
  const problem = parseJson(await response.text().catch(() => ""));
  if (isProblem(problem)) return fromProblem(problem);
  const what = `Cannot ${route.method} "${route.path}": the answer is ${response.status} without a problem document`;
  return new SharkuError("internal", `${what}, check that a Sharku daemon listens there`);
}

function isProblem(value: unknown): value is Problem {
  if (typeof value !== "object" || value === null) return false;
  return (
    "code" in value && typeof value.code === "string" && "detail" in value && typeof value.detail === "string"
  );
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
