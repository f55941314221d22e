/** What is told of a row of measurements. All in the unit of the samples. */
export interface Summary {
  readonly runs: number;
  readonly median: number;
  readonly p10: number;
  readonly p90: number;
  readonly max: number;
}

/** Errors: RangeError where there is nothing to summarize. */
export function summarize(samples: readonly number[]): Summary {
  return {
    runs: samples.length,
    median: quantile(samples, 0.5),
    p10: quantile(samples, 0.1),
    p90: quantile(samples, 0.9),
    max: quantile(samples, 1),
  };
}

/**
 * The value below which that share of the samples lies, from 0 (the least) to 1 (the greatest); between two
 * samples it is interpolated, so that the median of an even number of samples is the usual one.
 */
export function quantile(samples: readonly number[], share: number): number {
  if (samples.length === 0) throw new RangeError("Cannot tell a quantile: there are no samples");
  if (!(share >= 0 && share <= 1))
    throw new RangeError(`Cannot tell the quantile "${share}": a share from 0 to 1 was wanted`);
  const sorted = samples.toSorted((a, b) => a - b);
  const place = share * (sorted.length - 1);
  const low = sorted[Math.floor(place)] ?? Number.NaN;
  const high = sorted[Math.ceil(place)] ?? Number.NaN;
  return low + (high - low) * (place - Math.floor(place));
}
