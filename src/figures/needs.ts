import type { Figures, NetworkFigures } from "../contract/stats.ts";
import type { Measured } from "../procs/measured.ts";
import type { Clock } from "../procs/needs.ts";

/** What this room asks of the others. */
export interface FiguresNeeds {
  readonly procs: {
    /** Of one proc, or of all. Errors: `proc-not-found`. */
    measured(id?: string): Measured[];
  };
  readonly runs: {
    /** What a run uses now, but for its network. */
    figures(runId: string): Promise<Figures>;
  };
  readonly network: {
    /** Null where that slot has no cable. */
    counters(slot: number): NetworkFigures | null;
  };
  readonly clock: Clock;
}
