import type { CannotConnect } from "../client/cannot-connect.ts";
import { SharkuClient } from "../client/client.ts";
import type { Options } from "./command.ts";
import { CliError, UsageError } from "./errors.ts";
import type { Io } from "./io.ts";
import { makeFetch } from "./socket-fetch.ts";

export const DEFAULT_SOCKET = "/run/sharku/sharku.sock";

/** Where the daemon is looked for. */
export type Target =
  | { readonly kind: "socket"; readonly path: string }
  | { readonly kind: "host"; readonly url: string };

/** An option beats the environment, the environment the default. Errors: UsageError. */
export function chooseTarget(options: Options, env: Io["env"]): Target {
  const socket = options.text("socket");
  const host = options.text("host");
  if (socket !== undefined && host !== undefined)
    throw new UsageError("Cannot take --socket and --host together: they name two daemons, one was wanted");
  if (socket !== undefined) return { kind: "socket", path: socket };
  if (host !== undefined) return { kind: "host", url: toUrl(host, "--host") };
  if (env["SHARKU_HOST"]) return { kind: "host", url: toUrl(env["SHARKU_HOST"], "SHARKU_HOST") };
  return { kind: "socket", path: env["SHARKU_SOCKET"] || DEFAULT_SOCKET };
}

function toUrl(text: string, source: string): string {
  const url = URL.parse(text.includes("://") ? text : `http://${text}`);
  if (url && /^https?:$/.test(url.protocol) && !url.username && !url.search) return url.href;
  throw new UsageError(
    `Cannot take ${source} "${text}": an address such as http://127.0.0.1:7420 was wanted`,
  );
}

export function connect(target: Target, env: Io["env"]): SharkuClient {
  if (target.kind === "socket")
    return new SharkuClient({ baseUrl: "http://localhost", fetch: makeFetch({ socketPath: target.path }) });
  return new SharkuClient({
    baseUrl: target.url,
    token: env["SHARKU_TOKEN"] || undefined,
    fetch: makeFetch({}),
  });
}

/** Says what was tried, and what to do about it. */
export function explainCannotConnect(error: CannotConnect, target: Target): CliError {
  const tried = addressOf(target);
  const advice = adviceFor(error, target);
  const found = reasons[error.systemCode ?? ""] ?? error.systemCode ?? "no answer came";
  return new CliError(`Cannot connect to the daemon at "${tried}": ${found}, ${advice}`, {
    exit: "unreachable",
    cause: error,
  });
}

const reasons: Readonly<Record<string, string>> = {
  ENOENT: "there is no such socket",
  ECONNREFUSED: "nothing listens there",
  EACCES: "you may not use this socket",
  EPERM: "you may not use this socket",
  ENOTFOUND: "there is no host of that name",
  EAI_AGAIN: "the name of the host cannot be looked up now",
  ETIMEDOUT: "the host does not answer",
  EHOSTUNREACH: "the host cannot be reached",
  ECONNRESET: "the connection was closed before an answer came",
  EPIPE: "the connection was closed before an answer came",
  ENOTSOCK: "that file is no socket",
};

export function addressOf(target: Target): string {
  return target.kind === "socket" ? target.path : target.url;
}

export function adviceFor({ systemCode }: CannotConnect, target: Target): string {
  if (systemCode === "EACCES" || systemCode === "EPERM")
    return "run it as root or as a member of group sharku";
  if (systemCode === "ECONNRESET" || systemCode === "EPIPE") return "look at the daemon's log";
  if (target.kind === "socket" || /\/\/(localhost|127\.|\[::1\])/.test(target.url))
    return "start it with: sharku serve";
  return "check --host and that sharku serve runs there";
}
