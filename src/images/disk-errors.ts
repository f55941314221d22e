import { SharkuError } from "../contract/errors.ts";

/** Rethrows: a full disk as the operating error that it is, anything else as it came. */
export function toOperatingError(error: unknown): never {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  if (code === "ENOSPC" || code === "EDQUOT")
    throw new SharkuError(
      "disk-full",
      "Cannot take in the archive: the disk is full, wanted room for its files",
      {
        cause: error,
      },
    );
  throw error;
}
