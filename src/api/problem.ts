import type { IncomingMessage } from "node:http";
import type { FastifyError, FastifyReply, FastifyRequest } from "fastify";
import { type ErrorCode, type Fault, SharkuError, toProblem } from "../contract/errors.ts";

/** So many things that are wrong are told at once. */
const FAULTS_MAX = 20;

/** So much, and for so long, is read of a body that was refused before it had come. */
const REFUSED_BYTES_MAX = 64 * 1024 * 1024;
const REFUSED_MS_MAX = 10_000;
const REFUSED_POLL_MS = 50;

/** Turns whatever went wrong into problem+json. What nobody foresaw is a 500 without details, and is logged. */
export function answerError(error: unknown, request: FastifyRequest, reply: FastifyReply): void {
  const told = isCallOff(error, request) ? toSharkuError(error) : toldError(error, request.log);
  sendProblem(told, reply);
}

/** A caller who goes away calls off what was done for him, which is no fault. */
function isCallOff(error: unknown, request: FastifyRequest): boolean {
  return error instanceof Error && error.name === "AbortError" && request.raw.socket.destroyed;
}

/** What the caller is told of an error; one that nobody foresaw goes to the log. */
export function toldError(error: unknown, log: FastifyRequest["log"]): SharkuError {
  const known = toSharkuError(error);
  if (known.code === "internal") log.error({ err: error }, "a call failed");
  return known;
}

export function sendProblem(error: SharkuError, reply: FastifyReply): void {
  const problem = toProblem(error);
  if (error.code === "unauthorized") void reply.header("www-authenticate", 'Bearer realm="sharku"');
  if (error.status === 429 || error.status === 503) void reply.header("retry-after", "1");
  // Who has fallen silent is not listened to any more; anybody else may be sending still.
  if (error.code === "request-timeout") void reply.header("connection", "close");
  else if (!reply.request.raw.complete) readToTheEnd(reply);
  void reply
    .code(problem.status)
    .header("content-type", "application/problem+json")
    .send(JSON.stringify(problem));
}

/**
 * Who is cut off while it still sends may never read why. So the connection stays open, the rest of the body is
 * read and thrown away, and the caller closes when it has its answer; one that does not is closed when idle. One
 * that goes on sending is cut off after a while, since whoever is refused needs no token for it.
 */
function readToTheEnd(reply: FastifyReply): void {
  void reply.removeHeader("connection");
  reply.raw.shouldKeepAlive = true;
  cutOffLater(reply.request.raw);
}

/**
 * Ends the connection of one whose request is answered before it is whole, unless the rest comes soon. The body's bytes
 * come to nobody any more, so what the socket has read is looked at from time to time.
 */
export function cutOffLater(request: IncomingMessage): void {
  const { socket } = request;
  const bytesMax = socket.bytesRead + REFUSED_BYTES_MAX;
  let looksLeft = REFUSED_MS_MAX / REFUSED_POLL_MS;
  const timer = setInterval(() => {
    const over = request.complete || socket.destroyed;
    looksLeft -= 1;
    if (!over && socket.bytesRead <= bytesMax && looksLeft > 0) return;
    clearInterval(timer);
    if (!over) socket.destroy();
  }, REFUSED_POLL_MS);
}

function toSharkuError(error: unknown): SharkuError {
  if (error instanceof SharkuError) return error;
  if (isFastifyError(error)) {
    if (error.validation) return invalid(error);
    const code = fastifyCodes[error.code];
    if (code !== undefined) return new SharkuError(code, describe(code, error));
    // Broken JSON comes as a plain 400 of the parser's.
    if (error.statusCode === 400) return new SharkuError("invalid-json", describe("invalid-json", error));
  }
  return new SharkuError("internal", "A fault of the daemon; its log says more", { cause: error });
}

const fastifyCodes: Readonly<Record<string, ErrorCode>> = {
  FST_ERR_CTP_BODY_TOO_LARGE: "body-too-large",
  FST_ERR_CTP_INVALID_MEDIA_TYPE: "unsupported-media-type",
  FST_ERR_CTP_INVALID_JSON_BODY: "invalid-json",
  FST_ERR_CTP_EMPTY_JSON_BODY: "invalid-json",
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: "invalid-request",
  FST_ERR_BAD_URL: "invalid-request",
};

function describe(code: ErrorCode, error: FastifyError): string {
  switch (code) {
    case "body-too-large":
      return "Cannot take the body: it is larger than 1 MiB, the most that this call takes";
    case "unsupported-media-type":
      return "Cannot read the body: this call takes JSON, send it as Content-Type: application/json";
    case "invalid-json":
      return `Cannot read the body: ${error.message}`;
    default:
      return `Cannot read the request: ${error.message}`;
  }
}

function invalid(error: FastifyError): SharkuError {
  const inBody = error.validationContext === "body";
  const faults = withoutBranches(error.validation ?? []).map((found): Fault => {
    const extra = found.params["additionalProperty"] ?? found.params["missingProperty"];
    const path =
      extra === undefined ? found.instancePath : `${found.instancePath}/${escapePointer(String(extra))}`;
    return { pointer: inBody ? path : `?${path.slice(1)}`, detail: wordsOf(found) };
  });
  const first = faults[0];
  const where = first === undefined || first.pointer === "" ? "it" : `"${first.pointer}"`;
  return new SharkuError(
    "invalid-request",
    `Cannot use the request: ${where} ${first?.detail ?? "does not fit"}`,
    {
      faults: faults.slice(0, FAULTS_MAX),
    },
  );
}

type Found = NonNullable<FastifyError["validation"]>[number];

/**
 * Where a value fits none of several forms, the checker tells what is wrong with it in each; that it fits none is
 * enough. Where null is the only other form, what is wrong with this one is what to tell.
 */
function withoutBranches(all: readonly Found[]): readonly Found[] {
  const untold = all
    .filter(({ keyword }) => keyword === "anyOf")
    .flatMap((choice) => {
      const branches = all.filter(({ schemaPath }) => schemaPath.startsWith(`${choice.schemaPath}/`));
      const own = branches.find((found) => wantsNull(found, choice));
      const nullBranch = own && branchOf(own, choice);
      const isNull = (found: Found) => branchOf(found, choice) === nullBranch;
      const others = new Set(
        branches.filter((found) => !isNull(found)).map((found) => branchOf(found, choice)),
      );
      return nullBranch !== undefined && others.size === 1 ? [choice, ...branches.filter(isNull)] : branches;
    });
  return all.filter((found) => !untold.includes(found));
}

/** Whether it says that null was one of the forms to choose from. */
function wantsNull(found: Found, choice: Found): boolean {
  const { keyword, params, schemaPath } = found;
  const isDirect = schemaPath === `${choice.schemaPath}/${branchOf(found, choice)}/type`;
  return isDirect && keyword === "type" && params["type"] === "null";
}

/** The number of the form, of those to choose from, that a fault was found with. */
function branchOf({ schemaPath }: Found, choice: Found): string | undefined {
  return schemaPath.slice(choice.schemaPath.length + 1).split("/")[0];
}

function wordsOf({ keyword, message, params }: Found): string {
  if (keyword === "additionalProperties") return "is not known here";
  if (keyword === "anyOf") return "has none of the forms that it may have";
  const allowed = params["allowedValues"];
  if (keyword === "enum" && Array.isArray(allowed)) return `must be one of ${allowed.join(", ")}`;
  return message ?? "does not fit";
}

/** RFC 6901. */
function escapePointer(text: string): string {
  return text.replaceAll("~", "~0").replaceAll("/", "~1");
}

function isFastifyError(error: unknown): error is FastifyError {
  return error instanceof Error && "code" in error && ("statusCode" in error || "validation" in error);
}
