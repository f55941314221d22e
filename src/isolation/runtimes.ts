import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { isProgram } from "../lib/find-program.ts";
import { fewFeatures, type RuntimeFeatures } from "./features.ts";
import { type IsolationDirs, runPaths, runtimeDir, runtimesDir } from "./run-paths.ts";
import { Runtime } from "./runtime.ts";
import { containerOf } from "./runtime-family.ts";
import { type Findings, TrialNotes, type TrialOutcome } from "./trial-notes.ts";

/** A runtime that procs may ask for, and the program that it is. */
export interface RuntimeChoice {
  readonly name: string;
  readonly program: string;
}

/** What is told of a runtime. */
export interface RuntimeReport extends RuntimeChoice, Findings {
  readonly isDefault: boolean;
}

interface Entry {
  readonly name: string;
  readonly runtime: Runtime;
  readonly isThere: boolean;
  /** The last trial, under way or over, and of which program it was. */
  trial: { readonly mark: string; readonly findings: Promise<Findings> } | null;
  latest: Findings;
}

const notTried: Findings = {
  version: "unknown",
  usable: false,
  features: fewFeatures,
  problems: ["not tried yet"],
};

/**
 * The runtimes of this daemon: which there are, what each can do, and which one made which run. A run keeps the
 * runtime that made it, whatever is the default by then, and also where its program is gone.
 */
export class Runtimes {
  readonly #dirs: IsolationDirs;
  readonly #timeoutMs: number;
  readonly #notes: TrialNotes;
  readonly #entries = new Map<string, Entry>();
  readonly #ofRuns = new Map<string, Runtime>();
  #trial: ((entry: { name: string; runtime: Runtime }) => Promise<TrialOutcome>) | null = null;
  #ground = "";

  constructor(dirs: IsolationDirs, { timeoutMs }: { timeoutMs: number }) {
    this.#dirs = dirs;
    this.#timeoutMs = timeoutMs;
    this.#notes = new TrialNotes(join(dirs.runDir, "runtimes.json"));
  }

  /** Those of the first rank come first; the first of all is the default. */
  async open(choices: readonly RuntimeChoice[]): Promise<void> {
    for (const { name, program } of choices) {
      const runtime = this.#make(name, program);
      const isThere = await isProgram(program);
      const problems = [`${program} is not there, or no program`];
      const latest = isThere ? notTried : { ...notTried, problems };
      this.#entries.set(name, { name, runtime, isThere, trial: null, latest });
      await mkdir(runtime.root, { recursive: true, mode: 0o700 });
    }
  }

  /** Those at hand; the first is the default. */
  get names(): readonly string[] {
    return [...this.#entries.values()].filter(({ isThere }) => isThere).map(({ name }) => name);
  }

  /** Makes the throwaway containers, whatever the default is: crun, which can do all that they need. */
  get thrower(): Runtime {
    return this.#entries.get("crun")?.runtime ?? this.#make("crun", "crun");
  }

  named(name: string): Runtime {
    return this.#entry(name).runtime;
  }

  /** Finds out what each can do, on a ground that has that name. What could not be tried tells so in `reports`. */
  async tryAll(
    ground: string,
    trial: (entry: { name: string; runtime: Runtime }) => Promise<TrialOutcome>,
  ): Promise<void> {
    this.#ground = ground;
    this.#trial = trial;
    await Promise.allSettled(this.names.map((name) => this.features(name)));
  }

  /** Resolves when no trial is under way. */
  async settled(): Promise<void> {
    await Promise.allSettled([...this.#entries.values()].map(({ trial }) => trial?.findings));
  }

  /**
   * What the program can do that is there now; tried anew where it has changed since, or could not be tried.
   * Errors: where it cannot be tried.
   */
  async features(name: string): Promise<RuntimeFeatures> {
    const entry = this.#entry(name);
    const mark = `${this.#ground} ${await this.#notes.markOf(entry.runtime.program)}`;
    if (entry.trial?.mark !== mark) entry.trial = { mark, findings: this.#findOut(entry, mark) };
    const { trial } = entry;
    try {
      return (await trial.findings).features;
    } catch (fault) {
      if (entry.trial === trial) entry.trial = null;
      const problems = [`could not be tried: ${fault instanceof Error ? fault.message : String(fault)}`];
      entry.latest = { ...notTried, problems };
      throw fault;
    }
  }

  reports(): RuntimeReport[] {
    const [first] = this.names;
    return [...this.#entries.values()].map(({ name, runtime, latest }) => ({
      ...{ name, program: runtime.program, isDefault: name === first },
      ...latest,
    }));
  }

  /** Written before the runtime is called, so that whoever finds the run knows whose it is. */
  async note(runId: string, { name, runtime }: { name: string; runtime: Runtime }): Promise<void> {
    this.#ofRuns.set(runId, runtime);
    const family = await runtime.family();
    await writeFile(runPaths(this.#dirs, runId).runtimeFile, `${name}\n${runtime.program}\n${family}\n`);
  }

  /** The runtime that made that container; for the throwaway ones nobody has written it down. */
  async ofRun(runId: string): Promise<Runtime> {
    const known = this.#ofRuns.get(runId);
    if (known !== undefined) return known;
    const text = await readFile(runPaths(this.#dirs, runId).runtimeFile, "utf8").catch(() => "");
    const [name = "", program = "", family = ""] = text.split("\n");
    const runtime =
      program === "" ? this.thrower : (this.#entries.get(name)?.runtime ?? this.#make(name, program));
    runtime.wasOf(family);
    this.#ofRuns.set(runId, runtime);
    return runtime;
  }

  /** Removes what any runtime's state says of a container that is no more. */
  async forget(runId: string): Promise<void> {
    const runtime = await this.ofRun(runId);
    this.#ofRuns.delete(runId);
    await runtime.forget(runId);
  }

  /** Every container that one of the runtimes keeps something of, also those that are not at hand any more. */
  async containers(): Promise<string[]> {
    const others = (await readdir(runtimesDir(this.#dirs)).catch(() => [])).map((name) =>
      join(runtimesDir(this.#dirs), name),
    );
    const roots = [runtimeDir(this.#dirs), ...others];
    const entries = await Promise.all(roots.map((root) => readdir(root).catch(() => [])));
    return entries.flat().flatMap((entry) => containerOf(entry) ?? []);
  }

  async #findOut(entry: Entry, mark: string): Promise<Findings> {
    const trial = this.#trial;
    if (trial === null) throw new Error(`Cannot tell what runtime "${entry.name}" can do: nobody tries it`);
    const noted = await this.#notes.read(mark);
    const outcome = noted === null ? await trial(entry) : { findings: noted, isSure: true };
    entry.latest = outcome.findings;
    await this.#notes.write(mark, outcome);
    return entry.latest;
  }

  #entry(name: string): Entry {
    const entry = this.#entries.get(name);
    if (entry === undefined) throw new Error(`Cannot find runtime "${name}": there is none of that name`);
    return entry;
  }

  #make(name: string, program: string): Runtime {
    const root = name === "crun" ? runtimeDir(this.#dirs) : join(runtimesDir(this.#dirs), name);
    return new Runtime(program, root, { timeoutMs: this.#timeoutMs });
  }
}
