import type { Report } from "./table.ts";

/** Whom one may be compared with; crun always is, since it is what we build on. */
export const peerNames = ["crun", "docker", "podman"] as const;
export type PeerName = (typeof peerNames)[number];

export interface BenchmarkOptions {
  readonly peers: readonly PeerName[];
  readonly runs: number;
  /** A directory for all that is written; searchable by others, and removed afterwards. */
  readonly dir: string;
  readonly signal: AbortSignal;
  /** Tells what is being done, on stderr. */
  readonly say: (line: string) => void;
}

/** Sets the same job side by side and gives the times back. It judges none of them, and leaves nothing behind. */
export type Benchmark = (options: BenchmarkOptions) => Promise<Report>;
