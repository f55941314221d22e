import { request as httpRequest, type IncomingMessage, type RequestOptions } from "node:http";
import { request as httpsRequest } from "node:https";
import type { LookupFunction } from "node:net";
import type { Event } from "../contract/event.ts";
import { toldState } from "../contract/gilliam.ts";
import type { Listener } from "../lib/address-rules.ts";
import { assertLiteralAllowed, judgedLookup } from "../lib/judged-lookup.ts";
import { webhookHeaders } from "./sign-callback.ts";

/** So much of a receiver's answer is taken in, and thrown away, before the connection is cut. */
export const ANSWER_BYTES_MAX = 64 * 1024;

export interface Post {
  readonly url: string;
  readonly event: Event;
  readonly secrets: readonly string[];
  /** When it is sent. */
  readonly time: Date;
  /** Ends the attempt; it then fails with the signal's reason, unless the answer's head has come already. */
  readonly signal: AbortSignal;
  /** Why nothing may be sent there, or null; asked for the very address that is connected to. */
  readonly judge: (place: Listener) => string | null;
}

export interface PostAnswer {
  readonly status: number;
  readonly retryAfter: string | undefined;
}

/** Sends one event, follows no redirect, and answers with the status, whatever it is. */
export async function postCallback(post: Post): Promise<PostAnswer> {
  const url = deliveryUrl(post.url, post.event);
  assertLiteralAllowed(url, post.judge);
  const body = deliveryBody(post.event);
  const headers = webhookHeaders({ id: post.event.id, time: post.time, body, secrets: post.secrets });
  const lookup = judgedLookup(url, post.judge);
  const response = await send(url, { body, headers, signal: post.signal, lookup });
  const answer = { status: response.statusCode ?? 0, retryAfter: response.headers["retry-after"] };
  await discardBody(response);
  return answer;
}

/** The URL with `name`, `port` and `state` behind its own query, as the orchestrators of 2013 read them. */
export function deliveryUrl(text: string, { proc }: Event): URL {
  const url = new URL(text);
  const added = new URLSearchParams({ name: proc.name });
  if (proc.port !== null) added.set("port", String(proc.port));
  added.set("state", toldState(proc));
  // Not by searchParams.append: that would spell the URL's own query anew.
  url.search = url.search === "" ? `?${added}` : `${url.search}&${added}`;
  url.hash = "";
  return url;
}

function deliveryBody({ id, seq, type, time, proc }: Event): Buffer {
  return Buffer.from(JSON.stringify({ id, seq, type, time, proc }));
}

interface Sending {
  readonly body: Buffer;
  readonly headers: Readonly<Record<string, string>>;
  readonly signal: AbortSignal;
  readonly lookup: LookupFunction;
}

function send(url: URL, { body, headers, signal, lookup }: Sending): Promise<IncomingMessage> {
  const options: RequestOptions = {
    method: "POST",
    headers: {
      ...headers,
      "content-type": "application/json",
      "content-length": body.length,
      "user-agent": "sharku",
      connection: "close",
    },
    // A connection of its own each time, so that each one's address is judged.
    agent: false,
    signal,
    lookup,
  };
  const start = url.protocol === "https:" ? httpsRequest : httpRequest;
  return new Promise((resolve, reject) => {
    const request = start(url, options, resolve);
    request.on("error", reject);
    request.end(body);
  });
}

/** Lets the receiver finish, within bounds; the status has told all that counts, however this ends. */
function discardBody(response: IncomingMessage): Promise<void> {
  return new Promise((resolve) => {
    let bytes = 0;
    response.on("data", (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes > ANSWER_BYTES_MAX) response.destroy();
    });
    response.on("error", () => undefined);
    response.on("close", () => resolve());
  });
}
