import { SharkuError } from "../contract/errors.ts";

/** Looks at a mirror before anything is fetched from it in earnest, so that what is wrong with it is told at once. */
export interface MirrorQuestion {
  readonly mirror: string;
  readonly suite: string;
  readonly arch: string;
  readonly components: readonly string[];
}

export interface MirrorNeeds {
  readonly fetch: typeof fetch;
  readonly signal: AbortSignal;
}

/** How long a mirror may take to answer, in milliseconds. */
const ANSWER_MS_MAX = 10_000;

/** A Release file of a large suite has 200 KB of checksums below its head. */
const RELEASE_BYTES_MAX = 2 * 1024 * 1024;

/**
 * What the suite's Release file says of its maker; null where it cannot be asked from here.
 * Errors: `bad-mirror`, `unknown-suite`; the signal's reason.
 */
export async function askMirror(
  question: MirrorQuestion,
  needs: MirrorNeeds,
): Promise<{ origin: string } | null> {
  try {
    return await readOrigin(question, needs);
  } catch (error) {
    // What browsers keep off these ports for is nothing to a mirror, and debootstrap knows of no such list.
    if (error instanceof SharkuError && wordsOf(error.cause) === "bad port") return null;
    throw error;
  }
}

async function readOrigin(question: MirrorQuestion, needs: MirrorNeeds): Promise<{ origin: string }> {
  const { mirror, suite, arch, components } = question;
  const base = mirror.replace(/\/+$/, "");
  const text =
    (await read(`${base}/dists/${suite}/InRelease`, question, needs)) ??
    (await read(`${base}/dists/${suite}/Release`, question, needs));
  if (text === null) throw await whyNot(base, question, needs);
  const field = (name: string) => new RegExp(`^${name}: *(.*)$`, "m").exec(text)?.[1]?.trim();
  const arches = field("Architectures");
  if (arches === undefined)
    throw badMirror(question, "what it has for the suite is no Release file, wanted a mirror of packages");
  if (!arches.split(/\s+/).includes(arch)) throw unknown(question, `for ${arch}, it has ${arches}`);
  const known = (field("Components") ?? "").split(/\s+/).map((name) => name.split("/").at(-1));
  const missing = components.filter((name) => !known.includes(name));
  if (missing.length > 0)
    throw unknown(question, `with component ${missing.join(", ")}, it has ${known.join(", ")}`);
  return { origin: field("Origin") ?? "" };
}

/** The file's text, or null where there is none. */
async function read(
  url: string,
  question: MirrorQuestion,
  { fetch, signal }: MirrorNeeds,
): Promise<string | null> {
  const limit = AbortSignal.timeout(ANSWER_MS_MAX);
  try {
    const response = await fetch(url, { signal: AbortSignal.any([signal, limit]) });
    if (!response.ok) {
      await response.body?.cancel();
      if (response.status >= 500) throw new Error(`it answers ${response.status}`);
      return null;
    }
    return await readText(response);
  } catch (cause) {
    signal.throwIfAborted();
    const why = limit.aborted ? `no answer in ${ANSWER_MS_MAX / 1000} s` : wordsOf(cause);
    throw badMirror(question, `${why}, wanted a mirror that answers`, cause);
  }
}

async function readText(response: Response): Promise<string> {
  const parts: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of response.body ?? []) {
    bytes += chunk.length;
    parts.push(Buffer.from(chunk));
    if (bytes > RELEASE_BYTES_MAX) break;
  }
  return Buffer.concat(parts).toString("utf8");
}

/** What a mirror has that is one, of Debian's kind or of Ubuntu's; not all show the list of their suites. */
const signs = ["", "stable/InRelease", "stable/Release", "devel/InRelease"];

/** A mirror of other suites lacks this one; else it is none. */
async function whyNot(base: string, question: MirrorQuestion, needs: MirrorNeeds): Promise<SharkuError> {
  const signal = AbortSignal.any([needs.signal, AbortSignal.timeout(ANSWER_MS_MAX)]);
  const found = await Promise.all(
    signs.map(async (sign) => {
      const response = await needs.fetch(`${base}/dists/${sign}`, { signal }).catch(() => null);
      await response?.body?.cancel();
      return response?.ok === true;
    }),
  );
  needs.signal.throwIfAborted();
  if (found.includes(true)) return unknown(question, "");
  return badMirror(
    question,
    "it has neither this suite nor another that mirrors have, wanted a mirror of packages",
  );
}

function unknown({ mirror, suite }: MirrorQuestion, what: string): SharkuError {
  const which = what === "" ? "of that name" : what;
  return new SharkuError(
    "unknown-suite",
    `Cannot find suite "${suite}": the mirror ${mirror} has none ${which}, wanted one that it has`,
    { faults: [{ pointer: "/debootstrap/suite", detail: `is not on ${mirror}` }] },
  );
}

function badMirror({ mirror }: MirrorQuestion, why: string, cause?: unknown): SharkuError {
  return new SharkuError("bad-mirror", `Cannot use mirror "${mirror}": ${why}`, {
    cause,
    faults: [{ pointer: "/debootstrap/mirror", detail: why }],
  });
}

/** `fetch` hides the system's words in its causes. */
function wordsOf(error: unknown): string {
  let words = "";
  let current = error;
  for (let depth = 0; depth < 5 && current instanceof Error; depth += 1) {
    if (current.message !== "" && current.message !== "fetch failed") words = current.message;
    current = current.cause;
  }
  return words === "" ? "no connection" : words;
}
