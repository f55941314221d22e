import { once } from "node:events";
import { type IncomingMessage, request } from "node:http";
import { connect } from "node:net";
import { stretched } from "../until.ts";

const ANSWER_MS_MAX = stretched(20_000);

/** A call as no well-made client would make it. */
export interface RawCall {
  readonly method: string;
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
}

export interface RawAnswer {
  readonly status: number;
  readonly headers: IncomingMessage["headers"];
  readonly text: string;
}

/** By the unix socket, or by a port of 127.0.0.1. */
export type Where = { readonly socketPath: string } | { readonly host: string; readonly port: number };

export async function rawCall(
  where: Where,
  { method, path, headers = {}, body }: RawCall,
): Promise<RawAnswer> {
  const length = body === undefined ? {} : { "content-length": String(Buffer.byteLength(body)) };
  const sent = request({ ...where, method, path, headers: { ...length, ...headers }, agent: false });
  const answered = once(sent, "response", { signal: AbortSignal.timeout(ANSWER_MS_MAX) });
  // One that announces more than it has leaves the rest unsent, as a caller does who is refused in the middle.
  if (headers["content-length"] === undefined) sent.end(body);
  else sent.write(body ?? "");
  const [response] = await answered;
  const chunks: Buffer[] = await Array.fromAsync(response);
  sent.destroy();
  return {
    status: response.statusCode,
    headers: response.headers,
    text: Buffer.concat(chunks).toString("utf8"),
  };
}

/** Bytes that need be no HTTP at all, and the first line of what comes back. */
export async function rawBytes(where: Where, bytes: string): Promise<string> {
  const socket = "socketPath" in where ? connect(where.socketPath) : connect(where.port, where.host);
  socket.on("error", () => undefined);
  socket.end(bytes);
  const chunks: Buffer[] = await Array.fromAsync(socket);
  return Buffer.concat(chunks).toString("utf8").split("\r\n")[0] ?? "";
}
