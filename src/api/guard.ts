import { createHash, timingSafeEqual } from "node:crypto";
import type { IncomingMessage } from "node:http";
import { isIP } from "node:net";
import { SharkuError } from "../contract/errors.ts";

/**
 * How a caller came in: by the unix socket, whose file mode says who may; over TCP with a token; or by the address of
 * Gilliam's protocol, whose operator has let in whoever reaches it.
 */
export type Door = "socket" | "network" | "gilliam";

export interface GuardOptions {
  /** SHA-256 of the token, so that the token itself is not kept in memory. */
  readonly tokenDigest: Buffer;
  /** Names besides the loopback's under which the daemon may be called. */
  readonly hostNames: readonly string[];
  /** And at the address of Gilliam's protocol alone, where any IP address will do too. */
  readonly gilliamNames?: readonly string[];
}

const loopbackNames = ["localhost", "127.0.0.1", "[::1]"];

/**
 * Lets a request in, or says why not. A browser page of another origin must not drive the daemon, also not by a
 * name that was made to resolve to loopback: so Host and Origin are judged before the token.
 * Errors: `foreign-host`, `foreign-origin`, `unauthorized`.
 */
export function admit(request: IncomingMessage, door: Door, options: GuardOptions): void {
  if (door !== "socket") judgeHost(request, door, options);
  judgeOrigin(request, door);
  if (door !== "network" || isToken(request.headers.authorization, options.tokenDigest)) return;
  throw new SharkuError(
    "unauthorized",
    "Cannot let the call in: it carries no valid token, send it as Authorization: Bearer TOKEN",
  );
}

export function digestToken(token: string): Buffer {
  return createHash("sha256").update(token).digest();
}

function judgeHost(request: IncomingMessage, door: Door, options: GuardOptions): void {
  const host = request.headers.host ?? "";
  const name = host.replace(/:\d+$/, "").toLowerCase();
  if (loopbackNames.includes(name) || options.hostNames.includes(name)) return;
  // It may be any address of the host; a page has to use a name, since an address cannot be made to lead elsewhere.
  const isAddress = isIP(name.replace(/[[\]]/g, "")) !== 0;
  if (door === "gilliam" && (isAddress || options.gilliamNames?.includes(name))) return;
  throw new SharkuError(
    "foreign-host",
    `Cannot answer for host "${printable(host)}": this daemon is called ${loopbackNames.join(", ")}`,
  );
}

/** Browsers name the page's origin; other clients name none. Our own pages have the host that they call. */
function judgeOrigin(request: IncomingMessage, door: Door): void {
  const { origin, host } = request.headers;
  if (origin === undefined) return;
  if (door === "network" && (origin === `http://${host}` || origin === `https://${host}`)) return;
  throw new SharkuError(
    "foreign-origin",
    `Cannot take a call from a page of "${printable(origin)}": only the daemon's own pages may call it`,
  );
}

/** Digests are compared, so that neither the length nor a common beginning takes measurable time. */
function isToken(header: string | undefined, tokenDigest: Buffer): boolean {
  const token = tokenOf(header ?? "");
  return token !== null && timingSafeEqual(digestToken(token), tokenDigest);
}

function tokenOf(header: string): string | null {
  const bearer = /^Bearer +(\S+) *$/i.exec(header);
  if (bearer?.[1] !== undefined) return bearer[1];
  const basic = /^Basic +(\S+) *$/i.exec(header);
  if (basic?.[1] === undefined) return null;
  const pair = Buffer.from(basic[1], "base64").toString("utf8");
  const at = pair.indexOf(":");
  return at < 0 ? null : pair.slice(at + 1);
}

function printable(text: string): string {
  return text.replace(/[^\x20-\x7e]/g, "?").slice(0, 200);
}
