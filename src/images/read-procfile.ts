import { isUtf8 } from "node:buffer";
import { constants, lstat, open } from "node:fs/promises";
import { join } from "node:path";
import { SharkuError } from "../contract/errors.ts";
import { ProcfileError, parseProcfile } from "../lib/procfile.ts";

const PROCFILE_BYTES_MAX = 64 * 1024;

/**
 * The processes of the Procfile in a tree that strangers have filled; none where there is no Procfile.
 * Errors: `bad-archive` where it is not a small regular file with lines of the right form.
 */
export async function readProcfile(filesDir: string): Promise<Record<string, string>> {
  const path = join(filesDir, "Procfile");
  const stats = await lstat(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return null;
    throw error;
  });
  if (stats === null) return parseProcfile("");
  if (!stats.isFile()) throw bad("it is no regular file, wanted a file");
  if (stats.size > PROCFILE_BYTES_MAX)
    throw bad(`it has ${stats.size} bytes, wanted at most ${PROCFILE_BYTES_MAX}`);
  const bytes = await readWhole(path);
  if (!isUtf8(bytes)) throw bad("it is not text, wanted UTF-8");
  try {
    return parseProcfile(bytes.toString("utf8"));
  } catch (error) {
    if (error instanceof ProcfileError) throw bad(`line ${error.line}: ${error.message}`);
    throw error;
  }
}

async function readWhole(path: string): Promise<Buffer> {
  const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  try {
    return await file.readFile();
  } finally {
    await file.close();
  }
}

function bad(fault: string): SharkuError {
  return new SharkuError("bad-archive", `Cannot read the "Procfile" of the archive: ${fault}`);
}
