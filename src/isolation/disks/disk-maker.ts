import { mkdir, open, readdir, rename, rm } from "node:fs/promises";
import { basename, join } from "node:path";
import { runCommand } from "../../lib/run-command.ts";
import { shapeDisk } from "./disk-shape.ts";
import { type HeldDisk, holdDisk } from "./held-disk.ts";

/** How long formatting may take, in milliseconds; a disk of the usual size takes twenty. */
const FORMAT_MS_MAX = 60_000;

/** Sizes of which the empty disk is kept for copying; each takes some hundred kilobytes. */
const MASTERS_MAX = 16;

/**
 * All that is needed and nothing by default of the host. No journal: it would write everything twice for a crash
 * that no /app survives. The tables of inodes are not written but where they are used.
 */
const features =
  "none,extent,filetype,ext_attr,dir_index,dir_nlink,extra_isize,flex_bg,huge_file,large_file,sparse_super,uninit_bg";

/** Makes empty disks: formats one of each size, and copies what little of it is not a hole. */
export class DiskMaker {
  readonly #dir: string;
  readonly #randomId: () => string;
  readonly #masters = new Map<number, Promise<string>>();
  #making = 0;

  /**
   * `dir` is ours alone, and searchable by others. No file of it is called as one of an earlier daemon: what that one
   * began may still go on, and mount or remove what has such a name.
   */
  constructor(dir: string, randomId: () => string) {
    this.#dir = dir;
    this.#randomId = randomId;
  }

  /** Where a disk is mounted, each in a namespace of its own: on the host this directory stays empty. */
  get mountpoint(): string {
    return join(this.#dir, "mounted");
  }

  /** Where the app's changes and overlayfs's own work go, below the top of a disk. */
  static readonly parts = ["upper", "work"] as const;

  /**
   * Removes what an earlier daemon has left, but never the mountpoint: to remove a directory is to unmount what is
   * on it in every namespace, and runs of the earlier daemon may be in some.
   */
  async open(): Promise<void> {
    await mkdir(this.mountpoint, { recursive: true, mode: 0o711 });
    for (const name of await readdir(this.#dir))
      if (name !== basename(this.mountpoint)) await rm(join(this.#dir, name), { recursive: true });
    for (const part of DiskMaker.parts) await mkdir(join(this.#pattern, part), { recursive: true });
  }

  /** Errors: where the host cannot format or mount one. */
  async make(appBytes: number): Promise<HeldDisk> {
    this.#making += 1;
    try {
      const master = await this.#masterOf(appBytes);
      const image = join(this.#dir, `image-${this.#randomId()}`);
      return await holdDisk({ master, image, mountpoint: this.mountpoint });
    } finally {
      this.#making -= 1;
      if (this.#making === 0) this.#forgetMasters();
    }
  }

  get #pattern(): string {
    return join(this.#dir, "pattern");
  }

  #masterOf(appBytes: number): Promise<string> {
    const known = this.#masters.get(appBytes);
    // Taken out and put in again: the one longest unused is the first.
    this.#masters.delete(appBytes);
    const master = known ?? this.#format(appBytes);
    this.#masters.set(appBytes, master);
    master.catch(() => this.#masters.delete(appBytes));
    return master;
  }

  /** Only while nobody copies one. */
  #forgetMasters(): void {
    for (const [appBytes, master] of this.#masters) {
      if (this.#masters.size <= MASTERS_MAX) return;
      this.#masters.delete(appBytes);
      void master.then((file) => rm(file, { force: true })).catch(() => undefined);
    }
  }

  async #format(appBytes: number): Promise<string> {
    const { imageBytes, inodes } = shapeDisk(appBytes);
    const made = join(this.#dir, `master-${appBytes}-${this.#randomId()}`);
    const draft = `${made}.new`;
    const file = await open(draft, "wx", 0o600);
    try {
      await file.truncate(imageBytes);
    } catch (cause) {
      await rm(draft, { force: true });
      throw new Error(
        `Cannot make a disk for an /app of ${appBytes} bytes: the state directory takes no file of ${imageBytes}`,
        { cause },
      );
    } finally {
      await file.close();
    }
    const options = [
      ...["-q", "-F", "-t", "ext4", "-b", "4096", "-m", "0", "-I", "256", "-N", String(inodes)],
      ...["-O", features, "-E", "lazy_itable_init=1,nodiscard,root_owner=0:0", "-d", this.#pattern],
    ];
    const env = { ...process.env, PATH: `${process.env["PATH"]}:/usr/sbin:/sbin` };
    await runCommand(["mke2fs", ...options, draft], { timeoutMs: FORMAT_MS_MAX, env });
    await rename(draft, made);
    return made;
  }
}
