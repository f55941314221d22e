import { type Summary, summarize } from "./statistics.ts";

/** One contender's measurements, in milliseconds. */
export interface Series {
  readonly name: string;
  /** What exactly was timed. */
  readonly what: string;
  readonly samplesMs: readonly number[];
}

/** Things that may be compared with each other; the first is ours, and the ratios are of it to each other. */
export interface Comparison {
  readonly title: string;
  readonly series: readonly Series[];
  /** In what the things compared differ, and what else a reader must know. */
  readonly notes: readonly string[];
}

/** What a benchmark gives back. */
export interface Report {
  readonly benchmark: string;
  readonly comparisons: readonly Comparison[];
}

const head = ["", "median", "p10", "p90", "max", "ratio"];

/** The comparison as text for a terminal. */
export function comparisonText({ title, series, notes }: Comparison): string {
  const ratios = ratiosOf({ title, series, notes });
  const rows = series.map(({ name, samplesMs }) => rowOf(name, summarize(samplesMs), ratios[name]));
  return [
    `${title} (ms; ${series[0]?.samplesMs.length ?? 0} runs each; ratio: ${series[0]?.name ?? "ours"} / it)`,
    ...alignedLines([head, ...rows]),
    "",
    ...series.map(({ name, what }) => `  ${name}: ${what}`),
    ...notes.map((note) => `  Note: ${note}`),
  ].join("\n");
}

/** Of each other's name: our median divided by its median. */
export function ratiosOf({ series }: Comparison): Record<string, number> {
  const [ours, ...others] = series;
  if (ours === undefined) return {};
  const { median } = summarize(ours.samplesMs);
  return Object.fromEntries(
    others.map(({ name, samplesMs }) => [name, round(median / summarize(samplesMs).median)]),
  );
}

/** Lines of columns: the first flush left, the others, being figures, flush right. */
export function alignedLines(rows: readonly (readonly string[])[]): string[] {
  const widths = (rows[0] ?? []).map((_, at) => Math.max(...rows.map((row) => (row[at] ?? "").length)));
  return rows.map((row) =>
    row
      .map((cell, at) => (at === 0 ? cell.padEnd(widths[at] ?? 0) : cell.padStart(widths[at] ?? 0)))
      .join("  ")
      .trimEnd(),
  );
}

function rowOf(name: string, { median, p10, p90, max }: Summary, ratio: number | undefined): string[] {
  return [name, ...[median, p10, p90, max].map((ms) => ms.toFixed(1)), ratio?.toFixed(2) ?? ""];
}

function round(ratio: number): number {
  return Math.round(ratio * 100) / 100;
}
