import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";

/** Archives for tests, packed by the system's tar as users pack theirs. */

export const PROGRAMS = join(import.meta.dirname, "../programs");
export const EXAMPLES = join(import.meta.dirname, "../../examples");

const compressors = { tar: [], gzip: ["--gzip"], zstd: ["--zstd"], xz: ["--xz"] } as const;
export type Compression = keyof typeof compressors;

/** All of a directory, or the members named, as an archive's bytes. */
export async function packDirectory(
  dir: string,
  { compression = "gzip", members = ["."] }: { compression?: Compression; members?: readonly string[] } = {},
): Promise<Uint8Array<ArrayBuffer>> {
  return await outputOf(["tar", "--create", ...compressors[compression], "--directory", dir, ...members]);
}

export async function outputOf(argv: readonly [string, ...string[]]): Promise<Uint8Array<ArrayBuffer>> {
  const [program, ...rest] = argv;
  const child = spawn(program, rest, { stdio: ["ignore", "pipe", "inherit"] });
  const chunks: Buffer[] = [];
  child.stdout.on("data", (chunk: Buffer) => chunks.push(chunk));
  const [code] = await once(child, "close");
  assert.equal(code, 0, `${argv.join(" ")} failed`);
  return new Uint8Array(Buffer.concat(chunks));
}
