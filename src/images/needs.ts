import type { Readable } from "node:stream";
import type { Judge } from "../lib/judged-lookup.ts";
import type { Water } from "./collection.ts";

/** What the images ask of others. */

/** One archive to unpack. */
export interface UnpackJob {
  /** Unique among all jobs; safe as a container id and a file name. */
  readonly jobId: string;
  /** Directory of the host, empty, which the command sees as `/app` and writes to. */
  readonly targetDir: string;
  readonly argv: readonly string[];
  /** The archive, on the command's standard input. */
  readonly input: Readable;
  /** Called for each line of the command's standard output, in order. A stranger decides how long it is: cut it. */
  readonly onLine: (line: string) => void;
  /** Ends the command at once. */
  readonly signal: AbortSignal;
}

export interface UnpackResult {
  /** Null where the command was killed. */
  readonly code: number | null;
  /** At least the first 4 KiB that the command said. */
  readonly stderr: string;
  /** Kept when nothing of the sandbox is left but what the command has written. */
  readonly cleared: Promise<void>;
}

export interface UnpackSandbox {
  /**
   * Runs the command as an ordinary user who sees nothing of the host but the target, with neither network nor
   * capabilities, and with limits of its own (at least 256 MiB of memory). When it returns or throws, also after
   * an abort, no process of the command is left: what follows relies on a tree that nobody changes any more. What
   * else there was of the sandbox goes meanwhile.
   */
  unpack(job: UnpackJob): Promise<UnpackResult>;
}

export interface ImagesNeeds {
  readonly sandbox: UnpackSandbox;
  readonly clock: { now(): Date };
  /** Unique; lower-case letters, digits and `-` only. */
  readonly randomId: () => string;
  /** How many procs have that image, or are being created with it. */
  readonly users: (digest: string) => number;
  /** Tells the operator of what is not as it should be. */
  readonly report: (fault: unknown, context: Record<string, unknown>) => void;
  /** Why nothing may be fetched from a place, or null. */
  readonly judge: Judge;
}

export interface ImageLimits {
  /** Size of the archive as it is sent. */
  readonly uploadBytesMax: number;
  /** How long the sender of an upload may send nothing. */
  readonly uploadSilentMsMax: number;
  /** Size of all files in it. */
  readonly bytesMax: number;
  /** Number of files, directories and links in it. */
  readonly filesMax: number;
  /** How long unpacking may take. */
  readonly unpackMsMax: number;
  /** How long a fetch by URL may take, unpacking included. */
  readonly fetchMsMax: number;
  /** How full the file system may be, as shares, before unused images go. */
  readonly water: Water;
  /** An image that came, or was used, less than so long ago stays: whoever sent it is about to name it. */
  readonly keptMsMin: number;
}

export const defaultImageLimits: ImageLimits = {
  uploadBytesMax: 1024 ** 3,
  uploadSilentMsMax: 30_000,
  bytesMax: 1024 ** 3,
  filesMax: 200_000,
  unpackMsMax: 300_000,
  fetchMsMax: 900_000,
  water: { high: 0.85, low: 0.8 },
  keptMsMin: 600_000,
};
