import { type Summary, summarize } from "./statistics.ts";

/** One contender's measurements, in milliseconds. */
export interface Series {
  readonly name: string;
  /** What exactly was timed. */
  readonly what: string;
  readonly samplesMs: readonly number[];
}

/** Things that may be compared with each other. */
export interface Comparison {
  readonly title: string;
  /**
   * How each is set against the first. `ratio`: the first is ours, the others are peers, ours is divided by
   * theirs. `share`: the first is a whole, the others are parts, they are divided by the whole.
   */
  readonly relation: "ratio" | "share";
  readonly series: readonly Series[];
  /** In what the things compared differ, and what else a reader must know. */
  readonly notes: readonly string[];
}

/** What a benchmark gives back. */
export interface Report {
  readonly benchmark: string;
  readonly comparisons: readonly Comparison[];
}

/** The comparison as text for a terminal. */
export function comparisonText(comparison: Comparison): string {
  const { title, relation, series, notes } = comparison;
  const first = series[0];
  const relations = relationsOf(comparison);
  const rows = series.map(({ name, samplesMs }) => rowOf(name, summarize(samplesMs), relations[name]));
  const meaning = relation === "ratio" ? `${first?.name} / it` : `it / ${first?.name}`;
  return [
    `${title} (ms; ${first?.samplesMs.length ?? 0} runs each; ${relation}: ${meaning}, of the medians)`,
    ...alignedLines([["", "median", "p10", "p90", "max", relation], ...rows]),
    "",
    ...series.map(({ name, what }) => `  ${name}: ${what}`),
    ...notes.map((note) => `  Note: ${note}`),
  ].join("\n");
}

/** The ratios or shares of the medians, by the names of all but the first. */
export function relationsOf({ relation, series }: Comparison): Record<string, number> {
  const [first, ...others] = series;
  if (first === undefined) return {};
  const { median } = summarize(first.samplesMs);
  return Object.fromEntries(
    others.map(({ name, samplesMs }) => {
      const its = summarize(samplesMs).median;
      return [name, round(relation === "ratio" ? median / its : its / median)];
    }),
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

function rowOf(name: string, { median, p10, p90, max }: Summary, related: number | undefined): string[] {
  return [name, ...[median, p10, p90, max].map((ms) => ms.toFixed(1)), related?.toFixed(2) ?? ""];
}

function round(figure: number): number {
  return Math.round(figure * 100) / 100;
}
