import type { Limits } from "../contract/proc.ts";
import type { ProcState } from "../contract/states.ts";
import type { Figures } from "../contract/stats.ts";
import type { Life } from "./life.ts";
import type { RunRecord } from "./record.ts";

/** What has to be known of a proc to tell what it uses. */
export interface Measured {
  readonly id: string;
  readonly app: string;
  readonly name: string;
  readonly state: ProcState;
  readonly limits: Limits;
  /** Its command's, where it has begun; of its last run, where none is under way. */
  readonly startedAt: string | null;
  readonly exitedAt: string | null;
  /** Null where nothing of it is on the host. */
  readonly run: Pick<RunRecord, "id" | "slot"> | null;
  readonly hasNetwork: boolean;
  /** Those of its last run at its end; null where nobody saw that. */
  readonly lastFigures: Figures | null;
}

export function measuredOf({ record, run }: Life): Measured {
  const { id, spec, state, port } = record;
  return {
    id,
    app: spec.app,
    name: spec.name,
    state,
    limits: spec.limits,
    startedAt: record.startedAt,
    exitedAt: record.exitedAt,
    // From its end on there is nothing to be read any more.
    run: record.exit === null ? run : null,
    hasNetwork: port !== null,
    lastFigures: record.lastFigures ?? null,
  };
}
