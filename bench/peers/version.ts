import { tryCommand } from "../../src/lib/run-command.ts";

const CALL_MS_MAX = 20_000;

/** The first figure with dots in what the program says of itself; null where it cannot be run. */
export async function findVersion(argv: readonly string[]): Promise<string | null> {
  const said = await tryCommand(argv, { timeoutMs: CALL_MS_MAX }).catch(() => null);
  return /\d+(\.\d+)+/.exec(said?.stdout ?? "")?.[0] ?? null;
}
