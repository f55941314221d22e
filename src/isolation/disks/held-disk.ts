import { type ChildProcess, spawn } from "node:child_process";
import { rm } from "node:fs/promises";
import { type Launch, launchOptions } from "../conmon.ts";

/**
 * A disk for one /app: an image that is mounted in a mount namespace of its own, which lives as long as a process
 * is in it. At first that is the holder, a shell that reads what to do from us, and so ends with the daemon; the last
 * it is told is to become the supervisor of a run, whose container then is in the namespace too. Nothing is ever
 * unmounted: with the last process the namespace goes, with it the mount and the loop device, and with them the
 * image, whose name is removed at once.
 */

/** How long making one may take, in milliseconds: a loaded host may keep mount(8) waiting. */
const MAKE_MS_MAX = 60_000;

const WORDS_CHARS_MAX = 4096;

/** Slave, so that what the host unmounts is not kept busy here; what is mounted here stays here. */
const namespaceArgv = ["unshare", "--mount", "--propagation", "slave", "--"];

/**
 * No barrier: nothing in /app outlives its run, so nothing need outlive a crash of the host. Discard: what the app
 * deletes is free on the host again.
 */
const mountOptions = "loop,noatime,nosuid,nodev,noinit_itable,nobarrier,discard";

const script = `set -e
shift
trap 'rm -f -- "$2"' EXIT
cp --sparse=auto -- "$1" "$2"
mount -t ext4 -o ${mountOptions} -- "$2" "$3"
rm -- "$2"
trap - EXIT
echo ready
`;

export interface DiskFiles {
  /** The empty disk of that size, which is copied. */
  readonly master: string;
  /** Where the copy may stand for a moment. */
  readonly image: string;
  readonly mountpoint: string;
}

export class HeldDisk {
  readonly #holder: ChildProcess;
  readonly #mountpoint: string;

  constructor(holder: ChildProcess, mountpoint: string) {
    this.#holder = holder;
    this.#mountpoint = mountpoint;
  }

  get isHeld(): boolean {
    const { exitCode, signalCode } = this.#holder;
    return exitCode === null && signalCode === null;
  }

  /** The disk's top directory, as the host's processes reach it. */
  get dir(): string {
    return seenBy(this.#holder.pid ?? 0, this.#mountpoint);
  }

  /** What a command line begins with to run where the disk is mounted. */
  get enterArgv(): readonly string[] {
    return ["nsenter", `--mount=/proc/${this.#holder.pid}/ns/mnt`, "--"];
  }

  /** The holder becomes that program, once. */
  readonly launch: Launch = (argv) => {
    this.#holder.stdin?.end(`exec ${argv.map(quote).join(" ")} </dev/null >/dev/null 2>&1\n`);
    return this.#holder;
  };

  /** The disk goes, unless somebody else is in its namespace by now. Repeating it is fine. */
  letGo(): void {
    this.#holder.kill("SIGKILL");
  }
}

/** How a path looks to that process, which may have other mounts than we. */
export function seenBy(pid: number, path: string): string {
  return `/proc/${pid}/root${path}`;
}

/** Errors: where the host cannot mount it, with the words of the command that failed. */
export async function holdDisk({ master, image, mountpoint }: DiskFiles): Promise<HeldDisk> {
  const argv = [...namespaceArgv, "sh", "-s", "app-disk", master, image, mountpoint];
  const [program = "", ...rest] = argv;
  const holder = spawn(program, rest, { ...launchOptions, stdio: ["pipe", "pipe", "pipe", "pipe"] });
  const ready = untilReady(holder);
  holder.stdin?.write(script);
  await ready.catch(async (fault: unknown) => {
    // A holder that was killed has not removed it.
    await rm(image, { force: true });
    throw fault;
  });
  return new HeldDisk(holder, mountpoint);
}

function quote(word: string): string {
  return `'${word.replaceAll("'", "'\\''")}'`;
}

function untilReady(holder: ChildProcess): Promise<void> {
  return new Promise((resolve, reject) => {
    let words = "";
    const fail = (why: string) => {
      clearTimeout(timer);
      reject(new Error(`Cannot make a disk for /app: ${why}`));
    };
    const timer = setTimeout(() => {
      holder.kill("SIGKILL");
      fail(`no answer in ${MAKE_MS_MAX / 1000} s`);
    }, MAKE_MS_MAX);
    holder.once("error", (cause) => fail(cause.message));
    holder.once("close", (code) => fail(words.trim().replaceAll("\n", "; ") || `exit code ${code}`));
    // The end of the holder breaks the pipe; its exit tells the story.
    holder.stdin?.on("error", () => undefined);
    holder.stderr?.on("data", (chunk: Buffer) => {
      words = (words + chunk.toString("utf8")).slice(0, WORDS_CHARS_MAX);
    });
    holder.stdout?.once("data", () => {
      clearTimeout(timer);
      resolve();
    });
  });
}
