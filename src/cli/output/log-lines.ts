import type { LogRecord } from "../../contract/event.ts";
import type { Output } from "../io.ts";
import type { Paint, Style } from "./colors.ts";
import { sanitizeLine } from "./sanitize.ts";

const PREFIX_STYLES = ["cyan", "yellow", "green", "magenta", "blue"] as const satisfies readonly Style[];

export interface LogLineOptions {
  readonly output: Output;
  readonly paint: Paint;
  /** Which proc's line it is, where several are shown; padded already. */
  readonly prefix: string | null;
  /** Counts the procs, so that each has its own colour. */
  readonly index: number;
  readonly timestamps: boolean;
}

/**
 * Writes one line of a log: onto a terminal without anything that could control it, elsewhere byte for byte as
 * the app wrote it.
 */
export function writeLogLine(record: LogRecord, options: LogLineOptions): void {
  const { output } = options;
  const head = headOf(record, options);
  if (output.isTTY) {
    const line = sanitizeLine(textOf(record), { colors: options.paint.enabled });
    output.write(`${head}${record.stream === "system" ? options.paint("dim", line) : line}\n`);
  } else if (record.lineBase64 === undefined) output.write(`${head}${record.line ?? ""}\n`);
  else
    output.write(
      Buffer.concat([Buffer.from(head), Buffer.from(record.lineBase64, "base64"), Buffer.from("\n")]),
    );
}

function headOf(record: LogRecord, options: LogLineOptions): string {
  const { paint } = options;
  const time = options.timestamps ? `${paint("dim", record.time)} ` : "";
  if (options.prefix === null) return time;
  const style = PREFIX_STYLES[options.index % PREFIX_STYLES.length] ?? "cyan";
  return `${time}${paint(style, `${options.prefix} |`)} `;
}

function textOf(record: LogRecord): string {
  return record.lineBase64 === undefined
    ? (record.line ?? "")
    : Buffer.from(record.lineBase64, "base64").toString("utf8");
}
