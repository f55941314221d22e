import { type IncomingMessage, request as requestHttp } from "node:http";
import { request as requestHttps } from "node:https";
import { Readable } from "node:stream";
import type { Fetch, FetchInit } from "../client/transport.ts";

/**
 * As much of `fetch` as the client needs, over node:http: Node's own cannot speak to a unix socket, and gives up
 * on a log that stays silent for five minutes. Each call has a connection of its own; redirects are not followed.
 */
export function makeFetch(options: { readonly socketPath?: string }): Fetch {
  return (url, init) =>
    new Promise((resolve, reject) => {
      const target = new URL(url);
      const open = target.protocol === "https:" ? requestHttps : requestHttp;
      const source = sourceOf(init);
      const request = open(target, {
        ...options,
        method: init.method,
        headers: source ? init.headers : { ...init.headers, ...lengthOf(init) },
        agent: false,
        ...(init.signal ? { signal: init.signal } : {}),
      });
      request.on("response", (response) => {
        // A refusal in the middle of the upload: what is left need not be sent. Else the answer tells how it goes.
        const isRefused = (response.statusCode ?? 500) >= 300;
        if (isRefused && source && !source.readableEnded) {
          source.unpipe(request);
          source.destroy();
          // What is in the socket already may never be taken: the process must not wait for it.
          response.once("end", () => request.destroy());
        }
        resolve(toResponse(response));
      });
      request.on("error", (error) => {
        source?.destroy(error);
        reject(error);
      });
      if (source) {
        source.on("error", (error) => request.destroy(error));
        source.pipe(request);
      } else request.end(plainBodyOf(init));
    });
}

function sourceOf(init: FetchInit): Readable | null {
  if (init.body instanceof ReadableStream) return Readable.from(init.body);
  return init.body instanceof Blob ? Readable.from(init.body.stream()) : null;
}

function plainBodyOf(init: FetchInit): string | Uint8Array | undefined {
  return typeof init.body === "string" || init.body instanceof Uint8Array ? init.body : undefined;
}

function lengthOf(init: FetchInit): Record<string, string> {
  const body = plainBodyOf(init);
  return body === undefined ? {} : { "content-length": String(Buffer.byteLength(body)) };
}

function toResponse(incoming: IncomingMessage): Response {
  const headers = new Headers();
  for (const [name, values] of Object.entries(incoming.headersDistinct))
    for (const value of values ?? []) headers.append(name, value);
  const status = incoming.statusCode ?? 500;
  const hasBody = status !== 204 && status !== 304;
  if (!hasBody) incoming.resume();
  return new Response(hasBody ? toWebStream(incoming) : null, { status, headers });
}

/** By hand: reads only when asked to, and ends the connection when cancelled. */
function toWebStream(incoming: IncomingMessage): ReadableStream<Uint8Array<ArrayBuffer>> {
  const chunks = incoming[Symbol.asyncIterator]();
  return new ReadableStream<Uint8Array<ArrayBuffer>>({
    async pull(controller) {
      const next = await chunks.next();
      if (next.done) controller.close();
      else controller.enqueue(new Uint8Array(next.value));
    },
    async cancel() {
      incoming.destroy();
      await chunks.return?.();
    },
  });
}
