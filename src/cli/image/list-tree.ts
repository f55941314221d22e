import type { Dirent, Stats } from "node:fs";
import { lstat, readdir } from "node:fs/promises";
import { CliError } from "../errors.ts";
import { IgnoreRules } from "./ignore-rules.ts";

/** What of a directory goes into its image, in an order that is always the same. */
export interface TreeList {
  /** Paths below the top as they are on disk, any bytes, each ended by a NUL. */
  readonly paths: Buffer;
  /** How long its archive will be, near enough for a progress bar. */
  readonly bytes: number;
  readonly leftOut: readonly string[];
  /** Directories that the rules name and that stay in all the same. */
  readonly needed: readonly string[];
  /** The files that the rules are in. */
  readonly rulesFrom: string;
}

const STAT_AT_ONCE = 64;
const TAR_BLOCK_BYTES = 512;
const TAR_END_BYTES = 1024;
const TAR_RECORD_BYTES = 10_240;

/** What is told by name; the rest is counted only. */
const TOLD_MAX = 1000;

interface Found {
  readonly path: Buffer;
  readonly isDirectory: boolean;
}

/** Errors: CliError where a directory or a file of rules cannot be read. */
export async function listTree(top: string): Promise<TreeList> {
  const walk = new Walk(top);
  const rules = await IgnoreRules.open(top);
  await walk.enter(Buffer.alloc(0), rules);
  return {
    paths: Buffer.concat(walk.paths.flatMap((path) => [path, Buffer.from([0])])),
    bytes: Math.ceil((walk.bytes + TAR_END_BYTES + TAR_BLOCK_BYTES) / TAR_RECORD_BYTES) * TAR_RECORD_BYTES,
    leftOut: walk.leftOut,
    needed: walk.needed,
    rulesFrom: rules.source,
  };
}

class Walk {
  readonly paths: Buffer[] = [Buffer.from("./")];
  readonly leftOut: string[] = [];
  readonly needed: string[] = [];
  bytes = 0;
  readonly #top: Buffer;

  constructor(top: string) {
    this.#top = Buffer.from(`${top}/`);
  }

  /** Takes in what lies in a directory, given below the top; deeper ones one after the other, so that few are open. */
  async enter(dir: Buffer, rules: IgnoreRules): Promise<void> {
    const kept: { entry: Found; rules: IgnoreRules }[] = [];
    for (const entry of await this.#entriesOf(dir)) {
      const name = entry.path.toString("utf8") + (entry.isDirectory ? "/" : "");
      const verdict = rules.judge(name);
      if (verdict === "left out") note(this.leftOut, name);
      else kept.push({ entry, rules: verdict === "needed" ? rules.none() : rules });
      if (verdict === "needed") note(this.needed, name);
    }
    await this.#sum(kept.map(({ entry }) => entry.path));
    for (const { entry, rules: inherited } of kept) {
      this.paths.push(Buffer.concat([Buffer.from("./"), entry.path]));
      if (!entry.isDirectory) continue;
      const below = Buffer.concat([entry.path, Buffer.from("/")]);
      await this.enter(below, await inherited.within(below.toString("utf8")));
    }
  }

  async #entriesOf(dir: Buffer): Promise<Found[]> {
    const path = Buffer.concat([this.#top, dir]);
    // As bytes: a name need not be text, and tar must be told the very same.
    const entries = await readdir(path, { withFileTypes: true, encoding: "buffer" }).catch((cause: Error) => {
      throw new CliError(`Cannot pack "${path.toString("utf8")}": ${cause.message}`, { cause });
    });
    return entries
      .filter(({ name }) => name.toString("latin1") !== ".git")
      .sort((a, b) => Buffer.compare(a.name, b.name))
      .map((entry: Dirent<Buffer>) => ({
        path: Buffer.concat([dir, entry.name]),
        isDirectory: entry.isDirectory(),
      }));
  }

  async #sum(paths: readonly Buffer[]): Promise<void> {
    for (let at = 0; at < paths.length; at += STAT_AT_ONCE) {
      const some = paths.slice(at, at + STAT_AT_ONCE);
      // What is gone meanwhile is told by tar, with its name.
      const stats = await Promise.all(
        some.map((path) => lstat(Buffer.concat([this.#top, path])).catch(() => null)),
      );
      for (const one of stats) this.bytes += sizeInTar(one);
    }
  }
}

function sizeInTar(stats: Stats | null): number {
  const content = stats?.isFile() ? Math.ceil(stats.size / TAR_BLOCK_BYTES) * TAR_BLOCK_BYTES : 0;
  return TAR_BLOCK_BYTES + content;
}

function note(names: string[], name: string): void {
  if (names.length < TOLD_MAX) names.push(name);
}

/** In one line, for a person; null where the rules leave nothing out. */
export function tellLeftOut({ leftOut, needed, rulesFrom }: TreeList): string | null {
  if (leftOut.length + needed.length === 0) return null;
  const first = (names: readonly string[]) =>
    names.length <= 5 ? names.join(", ") : `${names.slice(0, 4).join(", ")} and ${names.length - 4} more`;
  const parts = [
    ...(leftOut.length > 0 ? [`left out by ${rulesFrom}: ${first(leftOut)}`] : []),
    ...(needed.length > 0
      ? [`packed though ${rulesFrom} names it: ${first(needed)} (a .slugignore decides otherwise)`]
      : []),
  ];
  return parts.join("; ");
}
