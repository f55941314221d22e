import { open, readFile } from "node:fs/promises";
import { join } from "node:path";
import Type, { type Static } from "typebox";
import { Check as fits } from "typebox/value";
import { Check, TemplateSource, templateKinds } from "../contract/template.ts";
import { nullable } from "../contract/words.ts";
import type { TemplateFiles } from "../procs/needs.ts";

/** A version of a template, as the file beside its files says: with all that is needed to stand procs on it. */
export const VersionRecord = Type.Object({
  name: Type.String(),
  kind: Type.Enum([...templateKinds]),
  version: Type.String(),
  description: Type.String(),
  arch: nullable(Type.String()),
  createdAt: Type.String(),
  bytes: nullable(Type.Integer()),
  files: nullable(Type.Integer()),
  source: TemplateSource,
  checks: Type.Array(Check),
  /** The directories at the top of the tree that procs see. */
  dirs: Type.Array(Type.String()),
});
export type VersionRecord = Static<typeof VersionRecord>;

const NAME = "template.json";

/** Closed to everybody but root while it is made, and searchable afterwards where all in it is root's. */
const TREE = "rootfs";
const SKELETON = "skeleton";

export function treeOf(versionDir: string, { source }: Pick<VersionRecord, "source">): string {
  return source.directory?.path ?? join(versionDir, TREE);
}

export function skeletonOf(versionDir: string): string {
  return join(versionDir, SKELETON);
}

/** The files as procs are to see them: never copied, bound from where they are. */
export function filesOf(
  versionDir: string,
  record: Pick<VersionRecord, "name" | "version" | "source" | "dirs">,
): TemplateFiles {
  const tree = treeOf(versionDir, record);
  return {
    name: record.name,
    version: record.version,
    skeletonDir: skeletonOf(versionDir),
    binds: [
      ...record.dirs.map((name) => ({ source: join(tree, name), destination: `/${name}` })),
      ...(record.source.directory?.binds ?? []),
    ],
  };
}

export async function writeVersionRecord(versionDir: string, record: VersionRecord): Promise<void> {
  const file = await open(join(versionDir, NAME), "wx", 0o600);
  try {
    await file.writeFile(`${JSON.stringify(record)}\n`);
    await file.sync();
  } finally {
    await file.close();
  }
}

/** Null where there is none, or none that is whole. */
export async function readVersionRecord(versionDir: string): Promise<VersionRecord | null> {
  try {
    const record: unknown = JSON.parse(await readFile(join(versionDir, NAME), "utf8"));
    return fits(VersionRecord, record) ? record : null;
  } catch {
    return null;
  }
}
