import { access, mkdir, readdir, readFile, rmdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { SharkuError } from "../contract/errors.ts";
import type { Limits } from "../contract/proc.ts";
import { FigureFiles } from "./figures/cgroup-figures.ts";
import { assertFits, limitWrites, type MemoryNow } from "./live-limits.ts";

/** How cgroups are mounted on this host: one tree (v2), or one for each controller (v1 and hybrid). */
export interface CgroupLayout {
  readonly version: "v1" | "v2";
  /** The directories under which a cgroup path is found: one on v2, one for each hierarchy on v1. */
  readonly roots: readonly string[];
}

/** How long killed processes may take to be gone, in milliseconds, before it is called a fault. */
const GONE_MS_MAX = 10_000;
const POLL_MS = 5;

/** How often the kernel may answer EBUSY to a removal before it is called a fault. */
const RMDIR_TRIES_MAX = 100;

/** The cgroups of one daemon: a parent of its own, and in it one for each container. */
export class Cgroups {
  readonly figures: FigureFiles;
  readonly #layout: CgroupLayout;
  readonly #parent: string;
  readonly #sleep: (ms: number) => Promise<void>;

  /** `parent` is a name of one part, like `sharku-ab12cd`. */
  constructor(layout: CgroupLayout, parent: string, sleep: (ms: number) => Promise<void>) {
    this.#layout = layout;
    this.#parent = parent;
    this.#sleep = sleep;
    this.figures = new FigureFiles(layout, parent);
  }

  /** As `cgroupsPath` of the specification wants it. */
  pathOf(containerId: string): string {
    return `/${this.#parent}/${containerId}`;
  }

  /** Makes the parent, so that limits can be probed before the first container. */
  async open(): Promise<{ swapAccounting: boolean }> {
    if (this.#layout.version === "v2") await this.#enableControllers();
    for (const dir of this.#parents()) await mkdir(dir, { recursive: true });
    const swapFile = this.#layout.version === "v2" ? "memory.swap.max" : "memory.memsw.limit_in_bytes";
    return { swapAccounting: (await this.#firstFile("", swapFile)) !== null };
  }

  /** Takes the parent back where nothing is in it any more. */
  async close(): Promise<void> {
    for (const dir of this.#parents()) await rmdir(dir).catch(() => undefined);
  }

  /** The containers that have a cgroup. */
  async list(): Promise<string[]> {
    const names = new Set<string>();
    for (const dir of this.#parents()) {
      const entries = await readdir(dir, { withFileTypes: true }).catch(() => []);
      for (const entry of entries) if (entry.isDirectory()) names.add(entry.name);
    }
    return [...names];
  }

  /** All processes in it. */
  async pids(containerId: string): Promise<number[]> {
    return await this.#pids(containerId);
  }

  async isEmpty(containerId: string): Promise<boolean> {
    return (await this.#pids(containerId)).length === 0;
  }

  async has(containerId: string, pid: number): Promise<boolean> {
    return (await this.#pids(containerId)).includes(pid);
  }

  /** How many processes the kernel killed in it for want of memory. Tells 0 once the cgroup is removed. */
  async oomKills(containerId: string): Promise<number> {
    const file = this.#layout.version === "v2" ? "memory.events" : "memory.oom_control";
    const text = await this.#firstFile(containerId, file);
    return Number(/^oom_kill (\d+)$/m.exec(text ?? "")?.[1] ?? 0);
  }

  /**
   * Makes the limits hold from now on. Does nothing where the container has no cgroup.
   * Errors: `limit-in-use`. Whatever the error, what was changed before it is changed back.
   */
  async applyLimits(containerId: string, limits: Limits): Promise<void> {
    const { version } = this.#layout;
    const memory = await this.#memoryNow(containerId);
    assertFits(limits.memoryBytes, memory);
    const raises = limits.memoryBytes >= (memory.limitBytes ?? 0);
    const swapAccounting = (await this.#fileOf(containerId, "memory.memsw.limit_in_bytes")) !== null;
    const written: { path: string; before: string }[] = [];
    try {
      for (const { file, value } of limitWrites(limits, { layout: version, swapAccounting, raises })) {
        const path = await this.#fileOf(containerId, file);
        if (path === null) continue;
        const before = (await readFile(path, "utf8")).trim();
        await writeLimit(path, value);
        written.push({ path, before });
      }
    } catch (fault) {
      // The last first: on v1 the two of memory may only be changed in an order.
      for (const { path, before } of written.reverse()) await writeFile(path, before).catch(() => undefined);
      throw fault;
    }
  }

  async #memoryNow(containerId: string): Promise<MemoryNow> {
    const v2 = this.#layout.version === "v2";
    const limit = await this.#firstFile(containerId, v2 ? "memory.max" : "memory.limit_in_bytes");
    const used = await this.#firstFile(containerId, v2 ? "memory.current" : "memory.usage_in_bytes");
    const stat = await this.#firstFile(containerId, "memory.stat");
    // Pages of files that nobody has touched lately go by themselves when room is wanted.
    const cache = Number(/^(?:total_)?inactive_file (\d+)$/m.exec(stat ?? "")?.[1] ?? 0);
    return {
      limitBytes: limit === null ? null : limit.trim() === "max" ? Number.POSITIVE_INFINITY : Number(limit),
      usedBytes: used === null ? null : Math.max(0, Number(used) - cache),
    };
  }

  /** Kills all of it at once and waits until nothing is left. Errors: where something is left for 10 s. */
  async kill(containerId: string): Promise<void> {
    for (let waited = 0; waited <= GONE_MS_MAX; waited += POLL_MS) {
      const pids = await this.#pids(containerId);
      if (pids.length === 0) return;
      await this.#killOnce(containerId, pids);
      await this.#sleep(POLL_MS);
    }
    const left = await this.#pids(containerId);
    throw new Error(
      `Cannot end container "${containerId}": processes ${left.join(", ")} live on ${GONE_MS_MAX / 1000} s after SIGKILL`,
    );
  }

  /** Removes the container's cgroups, empty as they must be. Does nothing where there are none. */
  async remove(containerId: string): Promise<void> {
    for (const dir of this.#dirs(containerId)) await this.#removeTree(dir);
  }

  async #killOnce(containerId: string, pids: readonly number[]): Promise<void> {
    if (this.#layout.version === "v2") {
      const [dir] = this.#dirs(containerId);
      const killed = await writeFile(join(String(dir), "cgroup.kill"), "1").then(
        () => true,
        () => false,
      );
      if (killed) return;
    }
    for (const pid of pids) {
      try {
        process.kill(pid, "SIGKILL");
      } catch {
        // Gone in between.
      }
    }
  }

  async #pids(containerId: string): Promise<number[]> {
    const found = new Set<number>();
    for (const dir of this.#dirs(containerId)) {
      const text = await readFile(join(dir, "cgroup.procs"), "utf8").catch(() => "");
      // A pid of 0 is a process that this pid namespace cannot see.
      for (const word of text.split("\n")) if (Number(word) > 1) found.add(Number(word));
    }
    return [...found];
  }

  async #removeTree(dir: string): Promise<void> {
    const children = await readdir(dir, { withFileTypes: true }).catch(() => []);
    for (const child of children) if (child.isDirectory()) await this.#removeTree(join(dir, child.name));
    // At most RMDIR_TRIES_MAX times: the last one throws.
    for (let tries = 1; ; tries += 1) {
      const code = await rmdir(dir).then(
        () => null,
        (error: NodeJS.ErrnoException) => error.code ?? "unknown",
      );
      if (code === null || code === "ENOENT") return;
      if (code !== "EBUSY" || tries >= RMDIR_TRIES_MAX)
        throw new Error(`Cannot remove cgroup "${dir}": ${code}`);
      await this.#sleep(POLL_MS);
    }
  }

  async #enableControllers(): Promise<void> {
    const [root] = this.#layout.roots;
    const control = join(String(root), "cgroup.subtree_control");
    for (const controller of ["memory", "pids", "cpu", "io"]) {
      // One that this kernel lacks is told by doctor; the runtime then says what it cannot limit.
      await writeFile(control, `+${controller}`).catch(() => undefined);
    }
    await mkdir(join(String(root), this.#parent), { recursive: true });
    for (const controller of ["memory", "pids", "cpu", "io"]) {
      await writeFile(join(String(root), this.#parent, "cgroup.subtree_control"), `+${controller}`).catch(
        () => undefined,
      );
    }
  }

  /** The path of a container's file, in whichever hierarchy has it. */
  async #fileOf(containerId: string, name: string): Promise<string | null> {
    for (const dir of this.#dirs(containerId)) {
      const path = join(dir, name);
      const isThere = await access(path).then(
        () => true,
        () => false,
      );
      if (isThere) return path;
    }
    return null;
  }

  async #firstFile(containerId: string, name: string): Promise<string | null> {
    for (const dir of this.#dirs(containerId)) {
      const text = await readFile(join(dir, name), "utf8").catch(() => null);
      if (text !== null) return text;
    }
    return null;
  }

  #parents(): string[] {
    return this.#layout.roots.map((root) => join(root, this.#parent));
  }

  #dirs(containerId: string): string[] {
    return this.#parents().map((parent) => join(parent, containerId));
  }
}

/** Errors: `limit-in-use` where the kernel could not make room, as v1 says. */
async function writeLimit(path: string, value: string): Promise<void> {
  await writeFile(path, value).catch((cause: NodeJS.ErrnoException) => {
    if (cause.code !== "EBUSY") throw cause;
    throw new SharkuError(
      "limit-in-use",
      `Cannot lower memoryBytes to ${value}: more is in use; choose more, or stop the proc`,
      { cause },
    );
  });
}
