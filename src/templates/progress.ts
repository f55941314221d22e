import type { BuildPhase, Progress } from "../contract/template.ts";

/** Tells how far a build is: of the whole, and never back. */
export class ProgressTeller {
  readonly #tell: (progress: Progress) => void;
  #percent: number | null = null;
  #last = "";

  constructor(tell: (progress: Progress) => void) {
    this.#tell = tell;
  }

  /** `percent` is null where nobody can tell; what was told before holds on then. */
  tell(phase: BuildPhase, message: string, percent: number | null = null): void {
    if (percent !== null) this.#percent = Math.max(this.#percent ?? 0, Math.min(100, Math.round(percent)));
    const key = `${phase} ${this.#percent} ${message}`;
    // A script may well say the same twice.
    if (key === this.#last && phase !== "running") return;
    this.#last = key;
    this.#tell({ phase, percent: this.#percent, message: message.slice(0, MESSAGE_CHARS_MAX) });
  }
}

const MESSAGE_CHARS_MAX = 200;

/** Where in the whole each part of a debootstrap lies, as measured. */
const DOWNLOADED = 35;
const UNPACKED = 55;
const CONFIGURED = 95;

/** A usual small system has this many packages; how many there are is known when all have come. */
const PACKAGES_USUAL = 90;

/** Reads debootstrap's words: `I: Retrieving adduser 3.134` and their like. */
export class DebootstrapReader {
  readonly #teller: ProgressTeller;
  #retrieved = 0;
  #extracted = 0;
  #done = 0;

  constructor(teller: ProgressTeller) {
    this.#teller = teller;
  }

  readonly add = (line: string): void => {
    const [, verb, what = ""] = /^I: (\w+) ?(.*)$/.exec(line) ?? [];
    const words = line
      .slice("I: ".length)
      .replace(/\.\.\.$/, "")
      .trim();
    if (verb === "Retrieving" && /^\S+ \S/.test(what)) {
      this.#retrieved += 1;
      const percent = DOWNLOADED * (1 - Math.exp((-2 * this.#retrieved) / PACKAGES_USUAL));
      this.#teller.tell("downloading", `${words} (package ${this.#retrieved})`, percent);
    } else if (verb === "Extracting") {
      this.#extracted += 1;
      this.#count("unpacking", words, DOWNLOADED + this.#part(this.#extracted, 1) * (UNPACKED - DOWNLOADED));
    } else if (verb === "Unpacking" || verb === "Configuring") {
      if (!/^(the|required) /.test(what)) this.#done += 1;
      this.#count("configuring", words, UNPACKED + this.#part(this.#done, 2) * (CONFIGURED - UNPACKED));
    } else if (verb !== undefined)
      this.#teller.tell(this.#extracted > 0 ? "configuring" : "downloading", words);
  };

  #count(phase: BuildPhase, words: string, percent: number): void {
    this.#teller.tell(phase, `${words} (${this.#retrieved} packages)`, percent);
  }

  /** Each package is extracted once, then unpacked and configured. */
  #part(count: number, times: number): number {
    return Math.min(1, count / Math.max(1, this.#retrieved * times));
  }
}

/** Reads apt's status lines: `dlstatus:1:20.5:Retrieving …`, `pmstatus:tzdata:40:Installing …`. */
export class AptReader {
  readonly #teller: ProgressTeller;
  readonly #phase: BuildPhase;
  readonly #from: number;
  readonly #to: number;

  constructor(teller: ProgressTeller, part: { phase: BuildPhase; from: number; to: number }) {
    this.#teller = teller;
    this.#phase = part.phase;
    this.#from = part.from;
    this.#to = part.to;
  }

  readonly add = (line: string): void => {
    const [, percent, words = ""] = /^(?:dl|pm)status:[^:]*:([\d.]+):(.*)$/.exec(line) ?? [];
    if (percent === undefined) return;
    this.#teller.tell(this.#phase, words, this.#from + (Number(percent) / 100) * (this.#to - this.#from));
  };
}
