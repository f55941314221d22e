/** No answer came: nothing listens there, the way is barred, or the connection broke before the answer. */
export class CannotConnect extends Error {
  override readonly name = "CannotConnect";
  readonly baseUrl: string;
  /** The system's word, `ECONNREFUSED` say; null where the platform keeps it to itself, as browsers do. */
  readonly systemCode: string | null;

  constructor(baseUrl: string, cause: unknown) {
    const systemCode = findSystemCode(cause);
    const found = systemCode ?? (cause instanceof Error ? cause.message : String(cause));
    super(`Cannot connect to "${baseUrl}": ${found}, a running Sharku daemon was wanted`, { cause });
    this.baseUrl = baseUrl;
    this.systemCode = systemCode;
  }
}

/** A streamed answer ended in the middle. What was read before is good; go on from its last cursor or number. */
export class ConnectionLost extends Error {
  override readonly name = "ConnectionLost";

  constructor(baseUrl: string, cause?: unknown) {
    super(
      `Cannot read on from "${baseUrl}": the connection ended in the middle, ask again from the last cursor`,
      {
        cause,
      },
    );
  }
}

/** Looks through the causes, since `fetch` hides the system's error in its own; never deeper than a few. */
function findSystemCode(error: unknown): string | null {
  let current = error;
  for (let depth = 0; depth < 5 && current instanceof Error; depth += 1) {
    if ("code" in current && typeof current.code === "string") return current.code;
    current = current.cause;
  }
  return null;
}
