import { type IncomingMessage, request, STATUS_CODES } from "node:http";
import { connect } from "node:net";
import type { Probed, ProbeTarget } from "./needs.ts";
import { readableText } from "./readable-text.ts";

/** So much is read of an answer's body; the rest is not waited for. */
export const BODY_BYTES_MAX = 4096;

/** How long a body may take once the status is here, in milliseconds: it is for people, the status decides. */
const BODY_MS_MAX = 1_000;

/** `100 Continue` and its like: an app that sends more of them sends nothing else. */
const INTERIM_ANSWERS_MAX = 8;

/** A timer later than this was not late because of the app: the daemon, or the whole host, stood still. */
const STOOD_STILL_MS = 1_000;

/** What is missing is the daemon's: descriptors, ports of its own, memory. */
const ownFaults: readonly string[] = ["EMFILE", "ENFILE", "EADDRNOTAVAIL", "ENOBUFS", "ENOMEM", "EAGAIN"];

interface Options {
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
  readonly elapsedMs: () => number;
}

type Found = Pick<Probed, "outcome" | "output">;

/**
 * Asks an app once, from outside, with a connection of its own. The answer is the app's and may be anything:
 * nothing of it is followed, kept beyond its bound, or believed but the status.
 */
export async function probe(target: ProbeTarget, options: Options): Promise<Probed> {
  const { signal, timeoutMs, elapsedMs } = options;
  signal.throwIfAborted();
  const beganMs = elapsedMs();
  const over = new AbortController();
  const found = await new Promise<Found>((resolve) => {
    const timer = setTimeout(() => {
      // What has arrived while the daemon was busy is looked at first.
      setImmediate(() => resolve(tooLate(elapsedMs() - beganMs, timeoutMs)));
    }, timeoutMs);
    const quit = () => resolve({ outcome: "unknown", output: "" });
    signal.addEventListener("abort", quit, { once: true });
    over.signal.addEventListener("abort", () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", quit);
    });
    const ask = target.path === null ? askTcp : askHttp;
    ask(target, { resolve, over: over.signal, answered: () => clearTimeout(timer) });
  });
  const ms = Math.round((elapsedMs() - beganMs) * 10) / 10;
  over.abort();
  signal.throwIfAborted();
  return { ...found, ms };
}

function tooLate(tookMs: number, timeoutMs: number): Found {
  if (tookMs > timeoutMs + STOOD_STILL_MS) return { outcome: "unknown", output: "the daemon stood still" };
  return { outcome: "failed", output: `no answer within ${timeoutMs} ms` };
}

interface Asking {
  /** The first call counts. */
  readonly resolve: (found: Found) => void;
  /** Aborts when it has been decided: whatever is open is closed then. */
  readonly over: AbortSignal;
  /** To be called when a status is here, which was in time then, whatever its body takes. */
  readonly answered: () => void;
}

function askTcp({ host, port }: ProbeTarget, { resolve, over }: Asking): void {
  const socket = connect({ host, port });
  over.addEventListener("abort", () => socket.destroy());
  socket.on("error", (fault) => resolve(ofFault(fault)));
  socket.on("connect", () => resolve({ outcome: "passed", output: "connected" }));
}

function askHttp({ host, port, path }: ProbeTarget, { resolve, over, answered }: Asking): void {
  const headers = { "user-agent": "sharku-health", accept: "*/*", connection: "close" };
  // A connection of its own each time: one kept alive would tell of the past.
  const asked = request({ ...{ host, port, headers, method: "GET", agent: false }, path: path ?? "/" });
  over.addEventListener("abort", () => asked.destroy());
  asked.on("error", (fault) => resolve(ofFault(fault)));
  asked.on("close", () => resolve({ outcome: "failed", output: CLOSED }));
  let interim = 0;
  asked.on("information", () => {
    interim += 1;
    if (interim > INTERIM_ANSWERS_MAX)
      resolve({ outcome: "failed", output: "interim answers (1xx) without an end" });
  });
  asked.on("upgrade", ({ statusCode }) =>
    resolve({ outcome: "failed", output: `answered ${statusCode}: it leaves HTTP` }),
  );
  asked.on("response", (response) => {
    answered();
    readAnswer(response, resolve);
  });
  asked.end();
}

const CLOSED = "the connection was closed before an answer came";

function readAnswer(response: IncomingMessage, resolve: (found: Found) => void): void {
  const { statusCode = 0, headers } = response;
  const chunks: Buffer[] = [];
  let length = 0;
  const outcome = statusCode >= 200 && statusCode < 400 ? "passed" : "failed";
  const finish = () => {
    clearTimeout(timer);
    const words = [`answered ${statusCode} ${STATUS_CODES[statusCode] ?? ""}`.trimEnd()];
    if (headers.location !== undefined) words.push(`to ${headers.location}`);
    const body = Buffer.concat(chunks).subarray(0, BODY_BYTES_MAX).toString("utf8");
    resolve({ outcome, output: readableText([...words, body].join("\n"), BODY_BYTES_MAX) });
  };
  const timer = setTimeout(finish, BODY_MS_MAX);
  response.on("data", (chunk: Buffer) => {
    chunks.push(chunk);
    length += chunk.length;
    if (length < BODY_BYTES_MAX) return;
    response.pause();
    finish();
  });
  response.on("end", finish);
  // A body that breaks off changes nothing of the status.
  response.on("error", finish);
}

function ofFault(fault: Error): Found {
  const code = "code" in fault ? String(fault.code) : "";
  if (ownFaults.includes(code)) return { outcome: "unknown", output: fault.message };
  if (code === "ECONNREFUSED") return { outcome: "refused", output: "connection refused" };
  if (code === "ECONNRESET" || code === "EPIPE") return { outcome: "failed", output: CLOSED };
  if (code.startsWith("HPE_"))
    return { outcome: "failed", output: `what came is no answer of HTTP/1.1 (${code})` };
  return { outcome: "failed", output: `no connection (${code || fault.name})` };
}
