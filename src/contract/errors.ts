import Type, { type Static } from "typebox";

/**
 * Every error that crosses the wire: its code, its HTTP status and its title. docs/errors.md tells what to do
 * about each; a test holds the two together.
 */
export const errorCatalogue = {
  "invalid-request": [400, "The request does not fit the schema"],
  "invalid-json": [400, "The body is not JSON"],
  unauthorized: [401, "A token is needed"],
  "foreign-host": [403, "The Host header names no address of this daemon"],
  "foreign-origin": [403, "The call comes from a web page of another origin"],
  "no-such-call": [404, "There is no such call"],
  "proc-not-found": [404, "There is no such proc"],
  "image-not-found": [404, "There is no such image"],
  "template-not-found": [404, "There is no such template"],
  "method-not-allowed": [405, "The method does not fit the path"],
  "wait-timeout": [408, "The proc has not reached that in time"],
  "request-timeout": [408, "The request did not arrive in time"],
  "proc-exists": [409, "The id belongs to another proc"],
  "proc-leaving": [409, "The proc is being deleted"],
  "proc-ended": [409, "The proc has ended"],
  "proc-not-running": [409, "The proc does not run now"],
  "limit-in-use": [409, "The proc uses more than that"],
  "image-in-use": [409, "The image is held"],
  "template-exists": [409, "The name belongs to another template"],
  "template-in-use": [409, "Something uses the template"],
  "template-building": [409, "The template is being built"],
  "template-built-in": [409, "The template is part of Sharku"],
  "body-too-large": [413, "The body is larger than this call takes"],
  "unsupported-media-type": [415, "The Content-Type is not taken here"],
  "unsupported-archive": [415, "The archive is none of tar, gzip, zstd and xz"],
  "unknown-image": [422, "The image named is not stored here"],
  "bad-image-url": [422, "The image's URL may not be fetched"],
  "image-fetch-failed": [422, "The image could not be fetched"],
  "unknown-template": [422, "The template named does not exist"],
  "unknown-runtime": [422, "The runtime named is not at hand"],
  "no-user-namespaces": [422, "This host has no user namespaces"],
  "limit-beyond-host": [422, "This host has not so much"],
  "unbounded-app": [422, "This host cannot bound an /app"],
  "unknown-process": [422, "The image has no such process"],
  "bad-archive": [422, "The archive cannot be taken in"],
  "bad-template": [422, "The files are no root filesystem that procs can stand on"],
  "bad-mirror": [422, "The mirror does not answer as one"],
  "unknown-suite": [422, "The mirror has no such suite"],
  "build-failed": [422, "The template could not be built"],
  "bad-callback": [422, "The callback may not be called"],
  busy: [429, "Too much is under way"],
  internal: [500, "A fault of the daemon"],
  "starting-up": [503, "The daemon is not ready"],
  "no-port": [507, "No port is left"],
  "no-slot": [507, "No room for another proc"],
  "no-room": [507, "The host has no room for another proc"],
  "disk-full": [507, "No disk space is left"],
} as const satisfies Record<string, readonly [status: number, title: string]>;

export type ErrorCode = keyof typeof errorCatalogue;

/** One thing that is wrong in the input, and where: a JSON pointer into the body, or `?name` of a parameter. */
export const Fault = Type.Object({ pointer: Type.String(), detail: Type.String() });
export type Fault = Static<typeof Fault>;

/** RFC 9457. `code` is the machine's word, `detail` says what was so and what to do. */
export const Problem = Type.Object({
  type: Type.String(),
  title: Type.String(),
  status: Type.Integer(),
  code: Type.String(),
  detail: Type.String(),
  errors: Type.Optional(Type.Array(Fault)),
});
export type Problem = Static<typeof Problem>;

const TYPE_PREFIX = "https://sharku.dev/errors/";

/**
 * An operating error: something that users cause or meet, told to them as it is. Broken invariants are asserts
 * instead. The client rebuilds the same class from the wire.
 */
export class SharkuError extends Error {
  override readonly name = "SharkuError";
  readonly code: ErrorCode;
  readonly faults: readonly Fault[];

  constructor(
    code: ErrorCode,
    message: string,
    options: { cause?: unknown; faults?: readonly Fault[] } = {},
  ) {
    super(message, options.cause === undefined ? {} : { cause: options.cause });
    this.code = code;
    this.faults = options.faults ?? [];
  }

  get status(): number {
    return errorCatalogue[this.code][0];
  }
}

export function isErrorCode(word: string): word is ErrorCode {
  return Object.hasOwn(errorCatalogue, word);
}

export function toProblem(error: SharkuError): Problem {
  const [status, title] = errorCatalogue[error.code];
  return {
    type: TYPE_PREFIX + error.code,
    title,
    status,
    code: error.code,
    detail: error.message,
    ...(error.faults.length > 0 ? { errors: [...error.faults] } : {}),
  };
}

export function fromProblem(problem: Problem): SharkuError {
  const code = isErrorCode(problem.code) ? problem.code : "internal";
  return new SharkuError(code, problem.detail, problem.errors ? { faults: problem.errors } : {});
}
