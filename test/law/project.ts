import { readFileSync } from "node:fs";
import { readdir, readFile } from "node:fs/promises";
import { join, relative } from "node:path";

/** What the law is held against: the project's own files, as they lie there, committed or not. */

export const ROOT = join(import.meta.dirname, "../..");

export interface SourceFile {
  /** From the project's root, with slashes. */
  readonly path: string;
  readonly text: string;
}

const NOT_OURS = new Set(["node_modules", "dist", ".git"]);

export async function projectFiles(): Promise<SourceFile[]> {
  const entries = await readdir(ROOT, { withFileTypes: true });
  const found = await Promise.all(
    entries
      .filter(({ name }) => !NOT_OURS.has(name))
      .map((entry) => (entry.isDirectory() ? filesBelow(join(ROOT, entry.name)) : [join(ROOT, entry.name)])),
  );
  return await Promise.all(
    found
      .flat()
      .sort()
      .map(async (path) => ({ path: relative(ROOT, path), text: await readFile(path, "utf8") })),
  );
}

/** The TypeScript that is held to the style: the program, its tests, and what sets it up and measures it. */
export async function sourceFiles(): Promise<SourceFile[]> {
  const all = await projectFiles();
  return all.filter(({ path }) => /^(src|test|bench|setup|scripts)\/.*\.ts$/.test(path));
}

export function readProjectFile(path: string): string {
  return readFileSync(join(ROOT, path), "utf8");
}

async function filesBelow(directory: string): Promise<string[]> {
  const entries = await readdir(directory, { withFileTypes: true, recursive: true });
  return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
}
