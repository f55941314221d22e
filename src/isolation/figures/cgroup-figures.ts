import { closeSync, existsSync, openSync, readSync } from "node:fs";
import { join } from "node:path";
import type { Figures } from "../../contract/stats.ts";
import type { CgroupLayout } from "../cgroup.ts";
import { parseCpu, parseIo, parseMemory, parsePids, refusedPids } from "./parse-figures.ts";

/** What a cgroup tells of a run; its disk and its network are counted elsewhere. */
export type CgroupFigures = Pick<Figures, "memory" | "cpu" | "pids" | "io">;

/** More than any of these files has; the longest, memory.stat, has about 2 KiB. */
const FILE_BYTES_MAX = 16 * 1024;

/**
 * Reads the figures of containers. The files are read at once and not by way of Node's threads: the kernel makes
 * them up in memory within microseconds, ten times quicker than a thread is asked.
 */
export class FigureFiles {
  readonly #layout: CgroupLayout;
  readonly #parent: string;
  readonly #buffer = Buffer.alloc(FILE_BYTES_MAX);
  /** Which root has a file of that name. */
  readonly #roots = new Map<string, string>();

  constructor(layout: CgroupLayout, parent: string) {
    this.#layout = layout;
    this.#parent = parent;
  }

  /** Every part is null where this host does not count it, or the container has no cgroup. */
  read(containerId: string): CgroupFigures {
    const { version } = this.#layout;
    const read = (name: string) => this.#file(containerId, name);
    return {
      memory: parseMemory(version, read),
      cpu: parseCpu(version, read),
      pids: parsePids(read),
      io: parseIo(version, read),
    };
  }

  /** All the memory that it uses, without looking closer; null where there is none to be seen. */
  totalBytes(containerId: string): number | null {
    const text = this.#file(containerId, this.#version2 ? "memory.current" : "memory.usage_in_bytes");
    return text === null ? null : Number(text);
  }

  /** Its working set. */
  usedBytes(containerId: string): number | null {
    return parseMemory(this.#layout.version, (name) => this.#file(containerId, name))?.usedBytes ?? null;
  }

  pids(containerId: string): number | null {
    const text = this.#file(containerId, "pids.current");
    return text === null ? null : Number(text);
  }

  /** How often it was refused a process; null where this kernel does not count it. */
  refusedPids(containerId: string): number | null {
    return refusedPids(this.#file(containerId, "pids.events"));
  }

  /** How many of its processes the kernel has killed for want of memory. */
  oomKills(containerId: string): number | null {
    const text = this.#file(containerId, this.#version2 ? "memory.events" : "memory.oom_control");
    const count = /^oom_kill (\d+)$/m.exec(text ?? "")?.[1];
    return count === undefined ? null : Number(count);
  }

  get #version2(): boolean {
    return this.#layout.version === "v2";
  }

  #file(containerId: string, name: string): string | null {
    const root = this.#rootOf(containerId, name);
    return root === null ? null : this.#text(join(root, this.#parent, containerId, name));
  }

  #rootOf(containerId: string, name: string): string | null {
    const known = this.#roots.get(name);
    if (known !== undefined) return known;
    const [only, ...more] = this.#layout.roots;
    const found =
      more.length === 0
        ? only
        : this.#layout.roots.find((root) => existsSync(join(root, this.#parent, containerId, name)));
    // One that is found nowhere may be there for the next container.
    if (found !== undefined) this.#roots.set(name, found);
    return found ?? null;
  }

  #text(path: string): string | null {
    let file: number;
    try {
      file = openSync(path, "r");
    } catch {
      return null;
    }
    try {
      return this.#buffer.toString("latin1", 0, readSync(file, this.#buffer, 0, FILE_BYTES_MAX, null));
    } catch {
      // ENODEV: the cgroup went in between.
      return null;
    } finally {
      closeSync(file);
    }
  }
}
