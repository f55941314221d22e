import type { Figures, Rates } from "../contract/stats.ts";

/** Figures of a run, and when they were read, by the measuring clock. */
export interface Reading {
  readonly runId: string;
  readonly atMs: number;
  readonly figures: Figures;
}

const MS_PER_SECOND = 1000;

/** What changed in a second between two readings of the same run; null where there are no two. */
export function ratesBetween(before: Reading | null, after: Reading | null): Rates | null {
  if (before === null || after === null || before.runId !== after.runId) return null;
  const spanMs = after.atMs - before.atMs;
  if (spanMs < 1) return null;
  const perSecond = (pick: (figures: Figures) => number | undefined): number | null => {
    const [then, now] = [pick(before.figures), pick(after.figures)];
    // A counter that was reset tells nothing.
    if (then === undefined || now === undefined || now < then) return null;
    return ((now - then) / spanMs) * MS_PER_SECOND;
  };
  const cpu = perSecond(({ cpu: figures }) => figures?.usageMs);
  return {
    intervalMs: Math.round(spanMs),
    // A processor gives a thousand milliseconds in a second.
    cpuPercent: cpu === null ? null : round(cpu / 10),
    readBytesPerSecond: whole(perSecond(({ io }) => io?.readBytes)),
    writeBytesPerSecond: whole(perSecond(({ io }) => io?.writeBytes)),
    receivedBytesPerSecond: whole(perSecond(({ network }) => network?.receivedBytes)),
    sentBytesPerSecond: whole(perSecond(({ network }) => network?.sentBytes)),
  };
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}

function whole(value: number | null): number | null {
  return value === null ? null : Math.round(value);
}
