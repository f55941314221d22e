import { join } from "node:path";
import type { Held } from "../contract/df.ts";
import { ownUsage } from "../lib/disk-usage.ts";

/** The database with what SQLite keeps beside it. */
const databaseNames = ["sharku.db", "sharku.db-wal", "sharku.db-shm", "sharku.db-journal"];
const RESERVE_NAME = "reserve";

/** All that the store keeps in the state directory. */
export const storeNames: readonly string[] = [...databaseNames, RESERVE_NAME];

export async function heldByStore(stateDir: string): Promise<Held[]> {
  const files = await Promise.all(
    databaseNames.map(async (name) => ({ name, bytes: await ownUsage(join(stateDir, name)), inUse: true })),
  );
  const items = files.filter(({ bytes }) => bytes > 0);
  const reserve = await ownUsage(join(stateDir, RESERVE_NAME));
  return [
    {
      kind: "database",
      ...{ count: items.length, inUse: items.length },
      bytes: items.reduce((sum, { bytes }) => sum + bytes, 0),
      freeableBytes: 0,
      items,
    },
    {
      kind: "reserve",
      ...{ count: reserve > 0 ? 1 : 0, inUse: reserve > 0 ? 1 : 0 },
      ...{ bytes: reserve, freeableBytes: 0 },
    },
  ];
}
