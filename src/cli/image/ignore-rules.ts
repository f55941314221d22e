import { readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import ignore, { type Ignore } from "ignore";
import { CliError } from "../errors.ts";

/**
 * What of a directory does not go into its image: what `.slugignore` at its top says or, where there is none, what
 * the `.gitignore` files say. These are written for sources, and name what an app cannot run without: installed
 * dependencies and what was built. So directories called like that stay in, and only a `.slugignore` leaves them out.
 */

const neededDirs: readonly string[] = [
  ...["node_modules", "vendor", "venv", ".venv", "__pypackages__", ".bundle", "_build"],
  ...["dist", "build", "out", "target", "public", "staticfiles", ".next", ".nuxt", ".output", ".svelte-kit"],
];

const FILE_BYTES_MAX = 1024 * 1024;

interface Rules {
  /** Directory that the rules lie in, below the top and with "/" at its end; empty for the top itself. */
  readonly base: string;
  readonly matcher: Ignore;
}

export type Verdict = "in" | "left out" | "needed";

export class IgnoreRules {
  readonly #top: string;
  readonly #isSlug: boolean;
  readonly #rules: readonly Rules[];

  private constructor(top: string, isSlug: boolean, rules: readonly Rules[]) {
    this.#top = top;
    this.#isSlug = isSlug;
    this.#rules = rules;
  }

  /** Errors: CliError where a file of rules cannot be read. */
  static async open(top: string): Promise<IgnoreRules> {
    const slug = await readRules(join(top, ".slugignore"));
    if (slug !== null) return new IgnoreRules(top, true, [{ base: "", matcher: slug }]);
    return await new IgnoreRules(top, false, []).within("");
  }

  /** The name of the files that the rules come from. */
  get source(): ".slugignore" | ".gitignore" {
    return this.#isSlug ? ".slugignore" : ".gitignore";
  }

  /** The rules inside a directory, given below the top and with "/" at its end: those of before, and its own. */
  async within(base: string): Promise<IgnoreRules> {
    if (this.#isSlug) return this;
    const matcher = await readRules(join(this.#top, base, ".gitignore"));
    if (matcher === null) return this;
    return new IgnoreRules(this.#top, false, [{ base, matcher }, ...this.#rules]);
  }

  /** No rule at all: for what lies below a directory that is needed as it is. */
  none(): IgnoreRules {
    return new IgnoreRules(this.#top, true, []);
  }

  /** Judges one entry; a directory's path ends with "/". */
  judge(path: string): Verdict {
    for (const { base, matcher } of this.#rules) {
      const { ignored, unignored } = matcher.test(path.slice(base.length));
      if (unignored) return "in";
      if (ignored) return !this.#isSlug && isNeeded(path) ? "needed" : "left out";
    }
    return "in";
  }
}

function isNeeded(path: string): boolean {
  return path.endsWith("/") && neededDirs.includes(path.slice(0, -1).split("/").at(-1) ?? "");
}

async function readRules(path: string): Promise<Ignore | null> {
  const found = await stat(path).catch(() => null);
  if (found === null || !found.isFile()) return null;
  if (found.size > FILE_BYTES_MAX)
    throw new CliError(
      `Cannot read "${path}": it has ${found.size} bytes, at most ${FILE_BYTES_MAX} were wanted`,
    );
  const text = await readFile(path, "utf8").catch((cause: Error) => {
    throw new CliError(`Cannot read "${path}": ${cause.message}`, { cause });
  });
  return ignore().add(text);
}
