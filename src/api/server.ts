import { createServer, type IncomingMessage, type Server, STATUS_CODES } from "node:http";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import Fastify, {
  type FastifyBaseLogger,
  type FastifyBodyParser,
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
  LogController,
} from "fastify";
import { SharkuError, toProblem } from "../contract/errors.ts";
import { type Route, type RouteName, routes } from "../contract/routes.ts";
import { strictObject } from "../contract/words.ts";
import { admit, type Door, type GuardOptions } from "./guard.ts";
import type { ApiNeeds } from "./needs.ts";
import { answerError, sendProblem } from "./problem.ts";
import { callbackHandlers } from "./routes/callbacks.ts";
import { eventHandlers } from "./routes/events.ts";
import { gilliamHandlers } from "./routes/gilliam.ts";
import type { Handlers } from "./routes/handler.ts";
import { hostHandlers } from "./routes/host.ts";
import { imageHandlers } from "./routes/images.ts";
import { procEndHandlers } from "./routes/proc-ends.ts";
import { procHandlers } from "./routes/procs.ts";
import { statsHandlers } from "./routes/stats.ts";
import { templateHandlers } from "./routes/templates.ts";
import { makeCompiler } from "./validate.ts";

/**
 * Room api: the REST calls. It lets callers in, checks what they send against the contract's schemas, calls one
 * door and answers. It holds no rule about procs and keeps nothing.
 *
 * INVARIANTS
 * - Every route is one of the contract's table, and every route of the table is served.
 * - Nothing reaches a handler that its schema does not describe.
 * - Every error is answered as problem+json, and tells nothing of the daemon's inside.
 */

/** The largest JSON body, in bytes. */
const BODY_BYTES_MAX = 1024 * 1024;

/** How long a caller may take to send the head of a request, and all of it (an image may be large). */
const HEADERS_MS_MAX = 10_000;
const REQUEST_MS_MAX = 3_600_000;

/**
 * So many connections come in by the network at once, and further ones are closed. Any user of the host may open
 * them without a token, and each takes one of the daemon's file descriptors. The socket's callers are the
 * operator's own, and must get in while the network is full.
 */
const NETWORK_CONNECTIONS_MAX = 256;

const NOT_HERE = "Cannot find the call: this address serves /proc only, the daemon's others serve the rest";

const STARTING = "Cannot answer yet: the daemon is finding its procs again, GET /readyz tells when it has";

export interface Api {
  /** A server for callers that come in by that door; not listening yet. */
  serverFor(door: Door): Server;
  close(): Promise<void>;
}

export async function buildApi(
  needs: ApiNeeds,
  {
    guard,
    log,
    networkConnectionsMax = NETWORK_CONNECTIONS_MAX,
  }: { guard: GuardOptions; log: FastifyBaseLogger; networkConnectionsMax?: number },
): Promise<Api> {
  const doors = new WeakMap<Socket, Door>();
  const app = Fastify({
    loggerInstance: log,
    logController: new LogController({ disableRequestLogging: true }),
    bodyLimit: BODY_BYTES_MAX,
    exposeHeadRoutes: false,
    routerOptions: { maxParamLength: 128 },
    frameworkErrors: answerError,
  });
  // A form of any web page could send plain text without the browser asking first.
  app.removeContentTypeParser("text/plain");
  // What RFC 7396 calls the body of a PATCH.
  const parseJson = app.getDefaultJsonParser("error", "error");
  app.addContentTypeParser("application/merge-patch+json", { parseAs: "string" }, parseJson);
  app.setValidatorCompiler(makeCompiler());
  app.setErrorHandler(answerError);
  app.setNotFoundHandler(answerUnknown);
  app.addHook("onRequest", async (request, reply) => {
    void reply.header("x-content-type-options", "nosniff").header("x-request-id", request.id);
    const { isOpen, face } = request.routeOptions.config;
    const door = doors.get(request.raw.socket) ?? "network";
    if (door === "gilliam" && face !== door) throw new SharkuError("no-such-call", NOT_HERE);
    if (isOpen) return;
    admit(request.raw, door, guard);
    if (needs.health() === "starting") throw new SharkuError("starting-up", STARTING);
  });
  // A call whose fields are all optional may come without a body.
  app.addHook("preValidation", async (request) => {
    request.body ??= {};
  });
  addRoutes(app, allHandlers(needs));
  await app.ready();
  return {
    serverFor: (door) => {
      const server = makeServer(app, (socket) => doors.set(socket, door));
      if (door !== "socket") server.maxConnections = networkConnectionsMax;
      return server;
    },
    close: () => app.close(),
  };
}

declare module "fastify" {
  interface FastifyContextConfig {
    isOpen?: boolean;
    face?: NonNullable<Route["face"]>;
  }
}

function allHandlers(needs: ApiNeeds): Handlers<RouteName> {
  return {
    ...procHandlers(needs),
    ...procEndHandlers(needs),
    ...eventHandlers(needs),
    ...statsHandlers(needs),
    ...callbackHandlers(needs),
    ...imageHandlers(needs),
    ...templateHandlers(needs),
    ...gilliamHandlers(needs),
    ...hostHandlers(needs),
  };
}

function addRoutes(app: FastifyInstance, handlers: Handlers<RouteName>): void {
  // `entries` forgets that the keys are the table's own.
  for (const [name, route] of Object.entries(routes) as [RouteName, Route][]) {
    if (route.body === "bytes") {
      void app.register(async (inner) => {
        inner.removeAllContentTypeParsers();
        inner.addContentTypeParser("*", (_request, payload, done) => done(null, payload));
        addRoute(inner, route, handlers[name]);
      });
    } else if (route.face !== undefined) {
      void app.register(async (inner) => {
        inner.addContentTypeParser("*", { parseAs: "string" }, parseUntold(inner));
        addRoute(inner, route, handlers[name]);
      });
    } else {
      addRoute(app, route, handlers[name]);
    }
  }
}

/** The clients of 2013 send JSON without saying so. What says that it is something else may come from a web page. */
function parseUntold(app: FastifyInstance): FastifyBodyParser<string> {
  const parseJson = app.getDefaultJsonParser("error", "error");
  return (request, body, done) => {
    const type = request.headers["content-type"];
    if (type === undefined) return parseJson(request, body, done);
    const words = `Cannot read a body of "${type}": JSON was expected`;
    done(new SharkuError("unsupported-media-type", words), undefined);
  };
}

function addRoute(app: FastifyInstance, route: Route, handler: Handlers<RouteName>[RouteName]): void {
  const answer = async (request: FastifyRequest, reply: FastifyReply) => {
    const { params, query, body } = request;
    // The compiler has checked each part against this very route's schema.
    const call = { params, query, body, request, reply } as never;
    const result = await handler(call);
    return reply.sent ? reply : result;
  };
  app.route({
    method: route.method,
    url: route.path,
    config: { isOpen: route.open === true, ...(route.face && { face: route.face }) },
    schema: {
      ...(route.params ? { params: route.params } : {}),
      // A call without parameters refuses all of them, as every other refuses those it does not know.
      querystring: route.query ?? strictObject({}),
      ...(route.body && route.body !== "bytes" ? { body: route.body } : {}),
    },
    handler: answer,
  });
}

function answerUnknown(request: FastifyRequest, reply: FastifyReply): void {
  const path = request.url.split("?")[0] ?? "";
  const methods = methodsOf(path);
  if (methods.length === 0) {
    sendProblem(
      new SharkuError("no-such-call", `Cannot find the call: there is nothing at this path`),
      reply,
    );
    return;
  }
  void reply.header("allow", methods.join(", "));
  const detail = `Cannot answer ${request.method}: this path takes ${methods.join(", ")}`;
  sendProblem(new SharkuError("method-not-allowed", detail), reply);
}

function methodsOf(path: string): string[] {
  const all: readonly Route[] = Object.values(routes);
  return all
    .filter((route) => new RegExp(`^${route.path.replaceAll(/:\w+/g, "[^/]+")}/?$`).test(path))
    .map((route) => route.method);
}

function makeServer(app: FastifyInstance, onSocket: (socket: Socket) => void): Server {
  const server = createServer(
    { headersTimeout: HEADERS_MS_MAX, requestTimeout: REQUEST_MS_MAX, connectionsCheckingInterval: 5_000 },
    (request: IncomingMessage, response) => app.routing(request, response),
  );
  server.on("connection", onSocket);
  server.on("clientError", answerBroken);
  return server;
}

/** What never became a request: no handler sees it, so it is answered by hand, and the connection ends. */
function answerBroken(error: NodeJS.ErrnoException, socket: Duplex): void {
  if (!socket.writable || error.code === "ECONNRESET") {
    socket.destroy();
    return;
  }
  const late = error.code === "ERR_HTTP_REQUEST_TIMEOUT";
  const problem = toProblem(
    late
      ? new SharkuError(
          "request-timeout",
          "Cannot wait longer: the request did not arrive in time, send it at once",
        )
      : new SharkuError(
          "invalid-request",
          "Cannot read the request: it is not HTTP/1.1, or its headers are too large",
        ),
  );
  const body = JSON.stringify(problem);
  const head = [
    `HTTP/1.1 ${problem.status} ${STATUS_CODES[problem.status]}`,
    "Content-Type: application/problem+json",
    `Content-Length: ${Buffer.byteLength(body)}`,
    "Connection: close",
  ];
  socket.end(`${head.join("\r\n")}\r\n\r\n${body}`);
}
