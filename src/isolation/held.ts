import type { Held, HeldItem } from "../contract/df.ts";
import { diskUsage } from "../lib/disk-usage.ts";
import type { AppDisks } from "./disks/app-disks.ts";
import { disksDir, exitsDir, type IsolationDirs, scratchesDir } from "./run-paths.ts";

export interface HeldNeeds {
  readonly dirs: IsolationDirs;
  readonly disks: Pick<AppDisks, "held">;
  /** Whose run that is; null where it is nobody's. */
  readonly procOf: (runId: string) => string | null;
}

/** What runs take of the disk, and what is made ahead for them: all of it as it is now. */
export async function heldByRuns({ dirs, disks, procOf }: HeldNeeds): Promise<Held[]> {
  const [scratches, exits, named] = [scratchesDir(dirs), exitsDir(dirs), disksDir(dirs)];
  const [{ runs, spares }, usage, inScratch, inExits] = await Promise.all([
    disks.held(),
    diskUsage([named]),
    diskUsage([scratches], { depth: 1 }),
    diskUsage([exits], { depth: 1 }),
  ]);
  const ofRun = (runId: string, bytes: number): HeldItem => ({
    ...{ name: procOf(runId) ?? runId, bytes, inUse: true },
    note: `run ${runId}`,
  });
  const written = [...runs].map(([runId, bytes]) => ofRun(runId, bytes));
  const scratch = [...inScratch].flatMap(([path, bytes]) =>
    path === scratches ? [] : [ofRun(path.slice(scratches.length + 1), bytes)],
  );
  const spareItems = spares.map((bytes, index) => ({ name: `spare ${index + 1}`, bytes, inUse: false }));
  const patterns = { name: "empty disks to copy", bytes: usage.get(named) ?? 0, inUse: false };
  return [
    { kind: "app-disks", ...countsOf(written), freeableBytes: 0, items: written },
    {
      kind: "spare-disks",
      ...countsOf([...spareItems, patterns]),
      count: spares.length,
      freeableBytes: 0,
      items: [...spareItems, patterns],
    },
    {
      kind: "scratch",
      ...countsOf(scratch),
      bytes: inScratch.get(scratches) ?? 0,
      freeableBytes: 0,
      items: scratch,
    },
    {
      kind: "exits",
      ...{ count: Math.max(0, inExits.size - 1), inUse: 0 },
      bytes: inExits.get(exits) ?? 0,
      freeableBytes: 0,
    },
  ];
}

function countsOf(items: readonly HeldItem[]): Pick<Held, "count" | "inUse" | "bytes"> {
  return {
    count: items.length,
    inUse: items.filter(({ inUse }) => inUse).length,
    bytes: items.reduce((sum, { bytes }) => sum + bytes, 0),
  };
}
