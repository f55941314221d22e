import { SharkuError } from "../contract/errors.ts";

/** Rethrows: a full disk as the operating error that it is, anything else as it came. */
export function toOperatingError(error: unknown): never {
  if (isFull(error) && !(error instanceof SharkuError))
    throw new SharkuError(
      "disk-full",
      "Cannot take in the archive: the disk is full, wanted room for its files",
      {
        cause: error,
      },
    );
  throw error;
}

/** Lets unused images go, more of them at each turn; false where none can. */
export type MakeRoom = (turn: number) => Promise<boolean>;

/** Does it again where the disk was full and something could go. A task leaves nothing half-done, or clears it. */
export async function withRoom<T>(task: () => Promise<T>, makeRoom: MakeRoom): Promise<T> {
  // Ends when there is room, or nothing more to go.
  for (let turn = 0; ; turn += 1) {
    try {
      return await task();
    } catch (error) {
      if (!isFull(error) || !(await makeRoom(turn))) throw error;
    }
  }
}

function isFull(error: unknown): boolean {
  if (error instanceof SharkuError) return error.code === "disk-full";
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  return code === "ENOSPC" || code === "EDQUOT";
}
