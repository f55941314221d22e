/** Which images go where room is wanted: decided here, done elsewhere. */

export interface Candidate {
  readonly digest: string;
  readonly bytes: number;
  readonly files: number;
  /** When a proc last began with it, or when it came, in milliseconds since 1970. */
  readonly lastUsedMs: number;
  /** A proc has it, or somebody has pinned it: it stays. */
  readonly isHeld: boolean;
}

/** How full something is; `total` is null where nothing bounds it. */
export interface Fill {
  readonly used: number;
  readonly total: number | null;
}

/** Shares of the total: above `high` images go until `low` is reached, so that not each new one pushes one out. */
export interface Water {
  readonly high: number;
  readonly low: number;
}

export interface Excess {
  readonly bytes: number;
  readonly files: number;
}

/** How much has to go for that; 0 below the high mark. */
export function excessOf({ used, total }: Fill, { high, low }: Water): number {
  if (total === null || total <= 0 || used <= total * high) return 0;
  return Math.ceil(used - total * low);
}

/** Those that have to go, the one unused for longest first; fewer than wanted where the rest is held. */
export function planCollection(candidates: readonly Candidate[], excess: Excess): Candidate[] {
  const order = (one: Candidate, other: Candidate) =>
    one.lastUsedMs - other.lastUsedMs || (one.digest < other.digest ? -1 : 1);
  const going: Candidate[] = [];
  const left = { ...excess };
  for (const candidate of candidates.filter(({ isHeld }) => !isHeld).sort(order)) {
    if (left.bytes <= 0 && left.files <= 0) break;
    going.push(candidate);
    left.bytes -= candidate.bytes;
    left.files -= candidate.files;
  }
  return going;
}
