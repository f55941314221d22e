import { readFile, stat, writeFile } from "node:fs/promises";
import type { RuntimeFeatures } from "./features.ts";

/** What came of a trial. */
export interface Findings {
  readonly version: string;
  readonly usable: boolean;
  readonly features: RuntimeFeatures;
  readonly problems: readonly string[];
}

/** What a trial comes to, and whether it would come to the same another time. */
export interface TrialOutcome {
  readonly findings: Findings;
  readonly isSure: boolean;
}

/**
 * What came of trials of programs that are still the same: a file that is gone after a reboot, as a kernel may be
 * another then. Trials that failed, or may have met a fault that passes, are not kept. To lose it costs a few trials.
 */
export class TrialNotes {
  readonly #file: string;
  #notes: Promise<Record<string, Findings>> | null = null;

  constructor(file: string) {
    this.#file = file;
  }

  /** Another one for another program, also where it lies at the same place. */
  async markOf(program: string): Promise<string> {
    const seen = await stat(program).catch(() => null);
    return [program, seen?.ino, seen?.size, seen?.mtimeMs].join(" ");
  }

  async read(mark: string): Promise<Findings | null> {
    return (await this.#all())[mark] ?? null;
  }

  async write(mark: string, { findings, isSure }: TrialOutcome): Promise<void> {
    const all = await this.#all();
    if (all[mark] !== undefined || !findings.usable || !isSure) return;
    all[mark] = findings;
    await writeFile(this.#file, JSON.stringify(all), { mode: 0o600 }).catch(() => undefined);
  }

  #all(): Promise<Record<string, Findings>> {
    this.#notes ??= readFile(this.#file, "utf8").then(
      // Nobody but this class writes it, in a directory that is root's; what is broken is as good as none.
      (text) => parse(text),
      () => ({}),
    );
    return this.#notes;
  }
}

function parse(text: string): Record<string, Findings> {
  try {
    // As above: it is what `write` wrote.
    return JSON.parse(text) as Record<string, Findings>;
  } catch {
    return {};
  }
}
