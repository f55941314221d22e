import { readdir } from "node:fs/promises";
import { join } from "node:path";

/** The files of a proc's log, one for each run: `<number>-<runId>.log`, so that they sort. */
export interface RunFile {
  readonly number: number;
  readonly path: string;
}

const NUMBER_DIGITS = 5;
const pattern = /^(\d+)-.+\.log$/;

export function runFileName(run: { readonly id: string; readonly number: number }): string {
  return `${String(run.number).padStart(NUMBER_DIGITS, "0")}-${run.id}.log`;
}

/** Oldest first; null where the proc has no directory. */
export async function listRunFiles(dir: string): Promise<RunFile[] | null> {
  const names = await readdir(dir).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return null;
    throw error;
  });
  if (names === null) return null;
  return names
    .flatMap((name) => {
      const number = pattern.exec(name)?.[1];
      return number === undefined ? [] : [{ number: Number(number), path: join(dir, name) }];
    })
    .sort((a, b) => a.number - b.number);
}
