import { normaliseTime } from "./log-time.ts";

/** A line of conmon's k8s-file: `2026-11-23T18:45:39.516772077+00:00 stdout F text`. */
export interface K8sLine {
  /** In UTC, with nine digits behind the second. */
  readonly time: string;
  readonly stream: "stdout" | "stderr";
  /** What was written has no newline here: the next line of the stream goes on. */
  readonly partial: boolean;
  readonly content: Buffer;
}

/** The longest head: time with nanoseconds and zone, stream, mark, three spaces. */
const HEAD_BYTES_MAX = 48;
const headPattern = /^(\S+) (stdout|stderr) ([FP])(?:\S*) /;
const unfinishedHeadPattern = /^(\S+) (stdout|stderr) ([FP])(?:\S*)$/;

/** Null where the bytes (without their newline) are no such line. */
export function parseK8sLine(bytes: Buffer): K8sLine | null {
  const head = bytes.toString("latin1", 0, HEAD_BYTES_MAX);
  const match = headPattern.exec(head) ?? unfinishedHeadPattern.exec(head);
  const time = match?.[1] === undefined ? null : normaliseTime(match[1]);
  if (match === null || time === null) return null;
  return {
    time,
    stream: match[2] === "stdout" ? "stdout" : "stderr",
    partial: match[3] === "P",
    content: bytes.subarray(match[0].length),
  };
}
