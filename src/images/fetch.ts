import { request as httpRequest, type IncomingMessage, STATUS_CODES } from "node:http";
import { request as httpsRequest } from "node:https";
import { setTimeout as pause } from "node:timers/promises";
import { escapeHidden } from "../lib/escape-hidden.ts";
import {
  assertLiteralAllowed,
  type Judge,
  judgedLookup,
  judgeLiteral,
  RefusedAddress,
} from "../lib/judged-lookup.ts";
import { atPace, type Pace } from "../lib/pace.ts";

/** Fetches an archive by its URL. It judges where it connects to, and what comes only by the server's own words. */

/** How often one answer may lead on to another place. */
const REDIRECTS_MAX = 5;
/** How often a body that breaks off is taken up again where it broke. */
const RESUMES_MAX = 8;
const RESUME_WAIT_MS = 250;
/** A server has so long to answer, its name's look-up and the handshake included; then its file comes at that pace. */
const defaultPace: Pace = { bytes: 30 * 1024, msMax: 30_000 };

/** So many characters are told of why a fetch failed. */
const WORDS_MAX = 300;

/** What a server says of a version of its file, to be asked by the next time. */
export interface Validators {
  readonly etag: string | null;
  readonly lastModified: string | null;
}

export interface FetchRequest {
  readonly url: string;
  /** The version that is here already: where the server still has it, nothing is sent. */
  readonly known: Validators | null;
  readonly judge: Judge;
  /** Ends the fetch, also in the middle of the body. */
  readonly signal: AbortSignal;
  /** How slow a server may be: who is slower keeps a place that others wait for. */
  readonly pace?: Pace;
}

export type Fetched =
  | { readonly status: "unchanged" }
  | {
      readonly status: "fresh";
      readonly validators: Validators;
      /** null where the server does not say. */
      readonly bytes: number | null;
      readonly body: AsyncIterable<Uint8Array>;
    };

/** Why a file cannot be had, in words for the one who named the URL. */
export class FetchError extends Error {
  override readonly name = "FetchError";
}

/** Errors: FetchError; the signal's reason. The body throws the same. */
export async function fetchArchive(request: FetchRequest): Promise<Fetched> {
  const slow = new AbortController();
  const wanted = { ...request, signal: AbortSignal.any([request.signal, slow.signal]) };
  const response = await getFollowing(wanted, conditionsOf(wanted.known));
  if (response.statusCode === 304 && wanted.known !== null) {
    response.destroy();
    return { status: "unchanged" };
  }
  if (response.statusCode !== 200) throw refused(wanted, response);
  const validators = validatorsOf(response);
  return {
    status: "fresh",
    validators,
    bytes: lengthOf(response),
    body: atPace(wholeBody(wanted, { response, validators }), {
      ...paceOf(wanted),
      tooSlow: () => {
        slow.abort(tooSlow(wanted));
        return slow.signal.reason;
      },
    }),
  };
}

/** The URL without what may be a secret: its query, and its fragment. */
export function tellUrl(url: string): string {
  const { origin, pathname } = new URL(url);
  return `${origin}${pathname}`;
}

/** The bytes of the file, across connections that break off. */
async function* wholeBody(
  wanted: FetchRequest,
  { response: first, validators }: { response: IncomingMessage; validators: Validators },
): AsyncGenerator<Uint8Array, void> {
  const total = lengthOf(first);
  let response = first;
  let received = 0;
  try {
    // At most RESUMES_MAX times: the last one throws.
    for (let resumes = 0; ; resumes += 1) {
      let broken: unknown = new FetchError(`it broke off after ${received} of ${total} bytes`);
      try {
        for await (const chunk of response) {
          received += chunk.length;
          yield chunk;
        }
        if (total === null || received >= total) return;
      } catch (cause) {
        broken = cause;
      }
      wanted.signal.throwIfAborted();
      if (resumes >= RESUMES_MAX || rangeValidator(validators) === null) throw failed(wanted, broken);
      await pause(RESUME_WAIT_MS * 2 ** Math.min(resumes, 4), undefined, { signal: wanted.signal });
      response = await resume(wanted, { from: received, validators });
    }
  } finally {
    response.destroy();
  }
}

/** The rest of the very same version. Errors: FetchError where the server has another now, or sends no part. */
async function resume(
  wanted: FetchRequest,
  { from, validators }: { from: number; validators: Validators },
): Promise<IncomingMessage> {
  const headers = { range: `bytes=${from}-`, "if-range": String(rangeValidator(validators)) };
  const response = await getFollowing(wanted, headers);
  const begins = Number(/^bytes (\d+)-/.exec(String(response.headers["content-range"]))?.[1]);
  if (response.statusCode === 206 && begins === from) return response;
  const what =
    response.statusCode === 200 ? "the file is another now, or is sent as a whole only" : statusOf(response);
  response.destroy();
  throw failed(
    wanted,
    new FetchError(`it broke off after ${from} bytes, and the rest is not to be had: ${what}`),
  );
}

async function getFollowing(wanted: FetchRequest, headers: Record<string, string>): Promise<IncomingMessage> {
  let url = new URL(wanted.url);
  for (let redirects = 0; redirects <= REDIRECTS_MAX; redirects += 1) {
    const response = await get(url, { ...wanted, headers }).catch((cause: unknown) => {
      wanted.signal.throwIfAborted();
      throw failed(wanted, cause);
    });
    const { location } = response.headers;
    const leadsOn = [301, 302, 303, 307, 308].includes(response.statusCode ?? 0) && location !== undefined;
    if (!leadsOn) return response;
    response.destroy();
    url = nextUrl(wanted, { from: url, location });
  }
  throw failed(wanted, new FetchError(`it leads on more than ${REDIRECTS_MAX} times`));
}

function nextUrl(wanted: FetchRequest, { from, location }: { from: URL; location: string }): URL {
  if (!URL.canParse(location, from.href))
    throw failed(wanted, new FetchError("it leads on to what is no URL"));
  const next = new URL(location, from);
  const fault = judgeFetchUrl(next.href, wanted.judge);
  if (fault !== null) throw failed(wanted, new FetchError(`it leads on to a place where ${fault}`));
  if (from.protocol === "https:" && next.protocol !== "https:")
    throw failed(
      wanted,
      new FetchError("it leads from https: on to http:, which anybody on the way can change"),
    );
  return next;
}

/** What is wrong with a URL to fetch from, as far as its text tells; null where it may be tried. */
export function judgeFetchUrl(text: string, judge: Judge): string | null {
  if (!URL.canParse(text)) return "the text is no URL, one like https://host/app.tar.gz was wanted";
  const url = new URL(text);
  if (url.protocol !== "http:" && url.protocol !== "https:")
    return `the scheme is "${url.protocol}", http: or https: was wanted`;
  if (url.username !== "" || url.password !== "")
    return "the URL holds credentials, one without them was wanted";
  return judgeLiteral(url, judge);
}

function get(
  url: URL,
  { headers, judge, signal, pace = defaultPace }: FetchRequest & { headers: Record<string, string> },
): Promise<IncomingMessage> {
  assertLiteralAllowed(url, judge);
  const start = url.protocol === "https:" ? httpsRequest : httpRequest;
  const options = {
    // As the bytes are on the server's disk: a digest is made of them.
    headers: { ...headers, "accept-encoding": "identity", "user-agent": "sharku", connection: "close" },
    // A connection of its own each time, so that each one's address is judged.
    agent: false,
    signal,
    lookup: judgedLookup(url, judge),
  };
  return new Promise((resolve, reject) => {
    const request = start(url, options, resolve);
    // Not by the socket's own timeout: a head may come byte by byte, and interim answers for ever.
    const late = new FetchError(`no answer has come in ${pace.msMax / 1000} s`);
    const timer = setTimeout(() => request.destroy(late), pace.msMax);
    for (const end of ["response", "close"]) request.on(end, () => clearTimeout(timer));
    request.on("error", reject);
    request.end();
  });
}

function paceOf({ pace = defaultPace }: FetchRequest): Pace {
  return pace;
}

function tooSlow(wanted: FetchRequest): FetchError {
  const { bytes, msMax } = paceOf(wanted);
  return failed(wanted, new FetchError(`less than ${bytes} bytes have come in ${msMax / 1000} s`));
}

function conditionsOf(known: Validators | null): Record<string, string> {
  return {
    ...(known?.etag && { "if-none-match": known.etag }),
    ...(known?.lastModified && { "if-modified-since": known.lastModified }),
  };
}

function validatorsOf({ headers }: IncomingMessage): Validators {
  return { etag: headers.etag ?? null, lastModified: headers["last-modified"] ?? null };
}

/** What vouches for the same bytes: RFC 9110 13.1.5 takes no weak etag. */
function rangeValidator({ etag, lastModified }: Validators): string | null {
  if (etag !== null && !etag.startsWith("W/")) return etag;
  return lastModified;
}

function lengthOf({ headers }: IncomingMessage): number | null {
  const length = Number(headers["content-length"]);
  return headers["content-length"] === undefined || !Number.isSafeInteger(length) ? null : length;
}

function refused(wanted: FetchRequest, response: IncomingMessage): FetchError {
  response.destroy();
  return failed(wanted, new FetchError(`the server answers ${statusOf(response)}`));
}

/** By the standard's words, not the server's own, which may be any. */
function statusOf({ statusCode = 0 }: IncomingMessage): string {
  return `${statusCode} ${STATUS_CODES[statusCode] ?? ""}`.trim();
}

function failed({ url }: FetchRequest, cause: unknown): FetchError {
  if (cause instanceof FetchError && cause.message.startsWith("Cannot fetch ")) return cause;
  const told = cause instanceof RefusedAddress || cause instanceof Error ? cause.message : String(cause);
  // A server has a say in them: where it leads to, whose its certificate is.
  const words = escapeHidden(told.slice(0, WORDS_MAX));
  const more = told.length > WORDS_MAX ? "…" : "";
  return new FetchError(`Cannot fetch "${tellUrl(url)}": ${words}${more}`, { cause });
}
