import { readdir } from "node:fs/promises";
import { join } from "node:path";
import type { Held } from "../contract/df.ts";
import { type Fault, SharkuError } from "../contract/errors.ts";
import type { Progress, Template, TemplateKind, TemplateSpec } from "../contract/template.ts";
import { Lane } from "../lib/lane.ts";
import { TreeSizes } from "../lib/tree-sizes.ts";
import type { TemplateFiles, Templates } from "../procs/needs.ts";
import { Builds } from "./builds.ts";
import { describeHost, describeTemplate } from "./describe.ts";
import { fillArchive } from "./fill-archive.ts";
import { fillDebootstrap } from "./fill-debootstrap.ts";
import { type Base, fillFrom } from "./fill-from.ts";
import { heldTemplates } from "./held.ts";
import { useDirectory } from "./host-directory.ts";
import { judgeVersion } from "./host-paths.ts";
import { HOST, openHostTemplate } from "./host-template.ts";
import type { BuildNeeds, TemplateUse } from "./needs.ts";
import { filesOf, treeOf, type VersionRecord } from "./record.ts";
import type { Fill } from "./site.ts";
import { VersionShelf } from "./version-shelf.ts";

/**
 * The templates: the read-only root filesystems that procs stand on. `host` is made of the host's own /usr and an /etc
 * of ours; the others are built of a distribution's packages, an archive, a directory of the host or another template.
 * It does not mount anything: it says which directories to bind where. What is done to a tree is done by commands in a
 * sandbox that it is given.
 *
 * INVARIANTS
 * - `<dir>/<name>/<version>/` appears by one rename, and is never changed again: a running proc sees it.
 * - No two versions have the same id, whatever their templates.
 * - A version stays for as long as a run or a build stands on it.
 * - Of a tree that others filled, the daemon itself reads nothing, and removes it without following links.
 * - Of the host, `host` shows /usr (and /bin, /lib … where they are no links into it), and in /etc only what
 *   is listed in host-etc.ts and readable for everybody.
 */
export interface TemplateRoom extends Templates {
  /** `host` first, then by name; those with nothing but a first build are among them. */
  list(): Template[];
  /** Errors: `template-not-found`. */
  get(name: string): Template;
  /**
   * Builds to the end, or until the signal aborts. Errors: `invalid-request`, `unknown-template`, `template-exists`,
   * `template-building`, `template-built-in`, `busy`, `bad-mirror`, `unknown-suite`, `bad-template`, `build-failed`,
   * `disk-full`; the signal's reason.
   */
  create(spec: TemplateSpec, call: BuildCall): Promise<Template>;
  /** As `create`, of an archive's bytes. Errors: also `unsupported-archive`, `body-too-large`. */
  takeArchive(
    name: string,
    stream: AsyncIterable<Uint8Array>,
    call: BuildCall & { readonly replace: boolean },
  ): Promise<Template>;
  /** Errors: `template-not-found`, `template-built-in`, `template-building`, `template-in-use`. */
  remove(name: string): Promise<void>;
  /** What they take of the disk. */
  held(): Promise<Held[]>;
  /** Ends the builds that are under way. */
  close(): Promise<void>;
}

export interface BuildCall {
  readonly signal: AbortSignal;
  readonly onProgress: (progress: Progress) => void;
}

export interface TemplatesOptions extends BuildNeeds {
  /** Directory of the room's own; made where it is missing. Those above it must be searchable by others. */
  readonly dir: string;
  /** The host whose files the template `host` is made of; another than `/` in tests. */
  readonly hostRoot?: string;
  /** Remembers how much each takes of the disk; where there is none, that is counted anew by each daemon. */
  readonly sizesFile?: string;
  /** The procs that have not ended. */
  readonly uses: () => readonly TemplateUse[];
  readonly report: (fault: unknown, context: Record<string, unknown>) => void;
}

/** A version that is no longer the newest stays so long at least: a run may just be about to be put on record. */
const SUPERSEDED_MS_MIN = 5_000;

/** So many procs that use a template are named. */
const NAMED_MAX = 5;

export async function openTemplates(options: TemplatesOptions): Promise<TemplateRoom> {
  const hostRoot = options.hostRoot ?? "/";
  const host = await openHostTemplate({ dir: options.dir, hostRoot });
  const shelf = new VersionShelf(options.dir);
  const room = new TemplateKeeper(options, { host, shelf, builds: new Builds(options, { shelf, hostRoot }) });
  await room.load();
  return room;
}

class TemplateKeeper implements TemplateRoom {
  readonly #options: TemplatesOptions;
  readonly #host: TemplateFiles;
  readonly #shelf: VersionShelf;
  readonly #builds: Builds;
  /** The versions of each template, newest first. */
  readonly #templates = new Map<string, VersionRecord[]>();
  /** When a version ceased to be the newest, by the measuring clock. */
  readonly #superseded = new Map<string, number>();
  readonly #sweeps = new Lane();
  readonly #sizes: TreeSizes;
  #hasSwept = false;

  constructor(
    options: TemplatesOptions,
    { host, shelf, builds }: { host: TemplateFiles; shelf: VersionShelf; builds: Builds },
  ) {
    this.#options = options;
    this.#host = host;
    this.#shelf = shelf;
    this.#builds = builds;
    this.#sizes = new TreeSizes(options.sizesFile ?? null);
  }

  async load(): Promise<void> {
    for (const record of await this.#shelf.load()) this.#add(record);
  }

  find(name: string, version?: string): TemplateFiles | null {
    if (name === HOST) return this.#host;
    const versions = this.#templates.get(name) ?? [];
    const record = version === undefined ? versions[0] : versions.find((one) => one.version === version);
    return record === undefined ? null : filesOf(this.#shelf.dirOf(name, record.version), record);
  }

  async judge(name: string, version: string): Promise<string | null> {
    const record = this.#templates.get(name)?.find((one) => one.version === version);
    return record === undefined ? null : await judgeVersion(record, this.#options.ownDirs);
  }

  list(): Template[] {
    const names = new Set([...this.#templates.keys(), ...this.#builds.names]);
    return [HOST, ...[...names].sort()].map((name) => this.get(name));
  }

  get(name: string): Template {
    const uses = this.#options.uses();
    if (name === HOST) return describeHost(this.#host, uses);
    const versions = this.#templates.get(name) ?? [];
    const building = this.#builds.of(name);
    if (versions.length > 0 || building !== null) return describeTemplate(name, { versions, building, uses });
    throw new SharkuError(
      "template-not-found",
      `Cannot find template "${name}": there is none of that name, GET /v1/templates lists them`,
    );
  }

  async create(spec: TemplateSpec, call: BuildCall): Promise<Template> {
    const { debootstrap, directory, from } = spec;
    const wanted = [debootstrap, directory, from].filter((part) => part !== undefined);
    if (wanted.length !== 1)
      throw invalid("", `has ${wanted.length} of debootstrap, directory and from, wanted exactly one`);
    const base = from === undefined ? null : this.#baseFor(from.template);
    if (base !== null && from?.network === "none" && from.packages?.length)
      throw invalid("/from/network", "is none, and the packages are fetched from the network");
    const made = fillFor(spec, base);
    return await this.#build(spec.name, { ...call, ...made, base, replace: spec.replace ?? false });
  }

  async takeArchive(
    name: string,
    stream: AsyncIterable<Uint8Array>,
    { replace, ...call }: BuildCall & { readonly replace: boolean },
  ): Promise<Template> {
    return await this.#build(name, {
      ...call,
      kind: "archive",
      fill: fillArchive(stream),
      base: null,
      replace,
    });
  }

  async remove(name: string): Promise<void> {
    if (name === HOST) throw builtIn("remove");
    this.get(name);
    if (this.#builds.of(name) !== null)
      throw new SharkuError("template-building", `Cannot remove template "${name}": it is being built`);
    const versions = this.#templates.get(name) ?? [];
    const users = this.#options
      .uses()
      .filter((use) => use.template === name)
      .map(({ procId }) => procId);
    if (users.length > 0) throw inUse(name, users);
    if (this.#builds.standsOn(name))
      throw new SharkuError(
        "template-in-use",
        `Cannot remove template "${name}": another is being built upon it, wait for its end`,
      );
    // Forgotten in the same turn as the questions were asked, so that no proc can find it in between.
    this.#templates.delete(name);
    // The oldest first: a daemon killed amid it finds the newest again, not one that was replaced.
    for (const { version } of versions.toReversed()) await this.#shelf.remove(name, version);
  }

  sweep(versionsInUse: readonly string[]): Promise<void> {
    return this.#sweeps.run(async () => {
      if (!this.#hasSwept) await this.#firstSweep(new Set(versionsInUse));
      this.#hasSwept = true;
      const used = new Set([...versionsInUse, ...this.#options.uses().map(({ version }) => version)]);
      const nowMs = this.#options.clock.elapsedMs();
      const old = [...this.#templates.values()].flatMap((versions) => versions.slice(1));
      for (const { name, version } of old) {
        const sinceMs = this.#superseded.get(version) ?? Number.NEGATIVE_INFINITY;
        if (used.has(version) || this.#builds.standsOn(version) || nowMs - sinceMs < SUPERSEDED_MS_MIN)
          continue;
        const kept = (this.#templates.get(name) ?? []).filter((one) => one.version !== version);
        this.#templates.set(name, kept);
        this.#superseded.delete(version);
        await this.#shelf.remove(name, version);
      }
    });
  }

  held(): Promise<Held[]> {
    const { dir, uses } = this.#options;
    return heldTemplates({ dir, sizes: this.#sizes, uses: uses() });
  }

  close(): Promise<void> {
    return this.#builds.close();
  }

  /** By now no build of a daemon before this one can run any more. */
  async #firstSweep(versionsInUse: ReadonlySet<string>): Promise<void> {
    await this.#shelf.sweep();
    for (const version of await readdir(join(this.#options.dir, HOST)))
      if (version !== this.#host.version && !versionsInUse.has(version))
        await this.#shelf.remove(HOST, version);
  }

  async #build(
    name: string,
    order: BuildCall & {
      readonly kind: TemplateKind;
      readonly fill: Fill;
      readonly base: Base | null;
      readonly replace: boolean;
    },
  ): Promise<Template> {
    if (name === HOST) throw builtIn("replace");
    if (this.#templates.has(name) && !order.replace)
      throw new SharkuError(
        "template-exists",
        `Cannot build template "${name}": there is one of that name, wanted another name or replace`,
      );
    const baseName = order.base?.record.name ?? null;
    const baseVersion = order.base?.record.version ?? null;
    const after = this.#templates.get(name)?.[0]?.createdAt ?? null;
    const record = await this.#builds.run({ ...order, name, baseName, baseVersion, after });
    this.#add(record);
    // Counted while nobody waits for it; whoever asks before counts it then.
    this.#sizes
      .sizeOf(`${name}/${record.version}`, this.#shelf.dirOf(name, record.version))
      .catch(() => undefined);
    this.#sweepLater();
    return this.get(name);
  }

  #baseFor(name: string): Base {
    if (name === HOST)
      throw invalid(
        "/from/template",
        "is host, whose files are the host's and are never copied, wanted another",
      );
    const record = this.#templates.get(name)?.[0];
    if (record !== undefined)
      return { record, treeDir: treeOf(this.#shelf.dirOf(name, record.version), record) };
    throw new SharkuError(
      "unknown-template",
      `Cannot build upon template "${name}": there is none of that name`,
      {
        faults: [{ pointer: "/from/template", detail: "is no template" }],
      },
    );
  }

  #add(record: VersionRecord): void {
    const versions = [...(this.#templates.get(record.name) ?? []), record];
    versions.sort((a, b) => (a.createdAt < b.createdAt ? 1 : -1));
    this.#templates.set(record.name, versions);
    const nowMs = this.#options.clock.elapsedMs();
    if (this.#hasSwept)
      for (const { version } of versions.slice(1))
        if (!this.#superseded.has(version)) this.#superseded.set(version, nowMs);
  }

  #sweepLater(): void {
    const { clock, report } = this.#options;
    clock
      .sleep(SUPERSEDED_MS_MIN)
      .then(() => this.sweep([]))
      .catch((fault: unknown) => report(fault, { doing: "removing old templates" }));
  }
}

function fillFor(
  { debootstrap, directory, from }: TemplateSpec,
  base: Base | null,
): { kind: TemplateKind; fill: Fill } {
  if (debootstrap !== undefined) return { kind: "debootstrap", fill: fillDebootstrap(debootstrap) };
  if (directory !== undefined) return { kind: "directory", fill: useDirectory(directory) };
  if (from !== undefined && base !== null) return { kind: "from", fill: fillFrom(from, base) };
  throw new Error("Cannot build a template of nothing");
}

function invalid(pointer: string, detail: string): SharkuError {
  const faults: Fault[] = [{ pointer, detail }];
  const where = pointer === "" ? "it" : `"${pointer}"`;
  return new SharkuError("invalid-request", `Cannot use the request: ${where} ${detail}`, { faults });
}

function builtIn(verb: string): SharkuError {
  return new SharkuError(
    "template-built-in",
    `Cannot ${verb} template "${HOST}": it is made of the host's own files, choose another name`,
  );
}

function inUse(name: string, procIds: readonly string[]): SharkuError {
  const named = procIds.slice(0, NAMED_MAX).join(", ");
  const rest = procIds.length > NAMED_MAX ? ` and ${procIds.length - NAMED_MAX} more` : "";
  return new SharkuError(
    "template-in-use",
    `Cannot remove template "${name}": procs use it (${named}${rest}), wanted all of them ended or deleted`,
  );
}
