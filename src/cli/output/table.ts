import type { Output } from "../io.ts";
import type { Paint, Style } from "./colors.ts";
import { escapeControls } from "./sanitize.ts";

export interface Cell {
  readonly text: string;
  readonly style?: Style | undefined;
}

export interface Column<T> {
  readonly title: string;
  readonly cell: (item: T) => string | Cell;
  /** On a terminal, longer texts are cut to this. The last column always gets what is left of the line. */
  readonly widthMax?: number;
}

const GAP = "  ";
/** Of a terminal that does not tell its own, or says 0, as those do that nobody looks at. */
const COLUMNS = 80;
const LAST_WIDTH_MIN = 4;
const WIDE = /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}\p{Emoji_Presentation}]/u;

/** Columns side by side; cut to the width of a terminal, whole everywhere else. */
export function printTable<T>(
  columns: readonly Column<T>[],
  options: { items: readonly T[]; output: Output; paint: Paint },
): void {
  const lineWidth = options.output.isTTY ? options.output.columns || COLUMNS : null;
  const rows = options.items.map((item) => columns.map((column) => toCell(column, { item, lineWidth })));
  const head: Cell[] = columns.map((column) => ({ text: column.title, style: "bold" }));
  const widths = columns.map((_, index) =>
    Math.max(...[head, ...rows].map((row) => widthOf(row[index]?.text))),
  );
  for (const row of [head, ...rows])
    options.output.write(`${layOut(row, { widths, lineWidth, ...options })}\n`);
}

function toCell<T>(column: Column<T>, options: { item: T; lineWidth: number | null }): Cell {
  const raw = column.cell(options.item);
  const cell = typeof raw === "string" ? { text: raw } : raw;
  const text = escapeControls(cell.text) || "-";
  return {
    ...cell,
    text: options.lineWidth === null || !column.widthMax ? text : cut(text, column.widthMax),
  };
}

function layOut(
  row: readonly Cell[],
  options: { widths: readonly number[]; lineWidth: number | null; paint: Paint },
): string {
  let used = 0;
  const pieces = row.map((cell, index) => {
    const width = options.widths[index] ?? 0;
    const isLast = index === row.length - 1;
    const left = options.lineWidth === null ? Infinity : Math.max(LAST_WIDTH_MIN, options.lineWidth - used);
    used += width + GAP.length;
    const text = isLast ? cut(cell.text, left) : cell.text;
    const painted = cell.style ? options.paint(cell.style, text) : text;
    return isLast ? painted : painted + " ".repeat(Math.max(0, width - widthOf(text)));
  });
  return pieces.join(GAP).trimEnd();
}

/** How many columns of a terminal a text takes, near enough for tables. */
export function widthOf(text = ""): number {
  let width = 0;
  for (const char of text) width += WIDE.test(char) ? 2 : 1;
  return width;
}

export function cut(text: string, width: number): string {
  if (widthOf(text) <= width) return text;
  let kept = "";
  let used = 0;
  for (const char of text) {
    used += widthOf(char);
    if (used > width - 1) break;
    kept += char;
  }
  return `${kept}…`;
}
