import { constants } from "node:fs";
import { access, stat } from "node:fs/promises";
import { delimiter, join } from "node:path";

/** Where root's programs are, which an ordinary user's PATH leaves out. */
const ROOT_DIRS = ["/usr/local/sbin", "/usr/sbin", "/sbin"];

/** The first program of that name on PATH or where root's programs are; null where there is none. */
export function findProgram(name: string): Promise<string | null> {
  return findIn([...pathDirs(), ...ROOT_DIRS], name);
}

export async function findIn(dirs: readonly string[], name: string): Promise<string | null> {
  for (const dir of dirs) {
    const path = join(dir, name);
    if (await isProgram(path)) return path;
  }
  return null;
}

export function pathDirs(): string[] {
  return (process.env["PATH"] ?? "").split(delimiter).filter(Boolean);
}

/** Whether it is a file that we may execute. */
export async function isProgram(path: string): Promise<boolean> {
  const seen = await stat(path).catch(() => null);
  if (!seen?.isFile()) return false;
  return await access(path, constants.X_OK).then(
    () => true,
    () => false,
  );
}
