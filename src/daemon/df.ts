import { readdir, stat, statfs } from "node:fs/promises";
import { basename, join } from "node:path";
import type { Df, FileSystem, Held, HeldItem } from "../contract/df.ts";
import type { ImageRoom } from "../images/images.ts";
import type { AppDisks } from "../isolation/disks/app-disks.ts";
import { heldByRuns } from "../isolation/held.ts";
import { disksDir, exitsDir, scratchesDir } from "../isolation/run-paths.ts";
import { diskUsage, ownUsage } from "../lib/disk-usage.ts";
import type { LogRoom } from "../logs/logs.ts";
import type { Procs } from "../procs/procs.ts";
import { heldByStore, storeNames } from "../store/held.ts";
import type { TemplateRoom } from "../templates/templates.ts";

export interface DfNeeds {
  readonly stateDir: string;
  readonly runDir: string;
  readonly images: Pick<ImageRoom, "collector" | "held">;
  readonly templates: Pick<TemplateRoom, "held">;
  readonly logs: Pick<LogRoom, "held">;
  readonly disks: Pick<AppDisks, "held">;
  readonly procs: Pick<Procs, "hasEnded" | "procOfRun">;
  readonly clock: { now(): Date };
}

/** Asks each room what it holds, once for however many ask at a time. */
export function makeDf(needs: DfNeeds): () => Promise<Df> {
  let asking: Promise<Df> | null = null;
  return () => {
    asking ??= tell(needs).finally(() => {
      asking = null;
    });
    return asking;
  };
}

async function tell(needs: DfNeeds): Promise<Df> {
  const { stateDir, runDir, images, templates, logs, disks, procs } = needs;
  const parts = await Promise.all([
    images.held(),
    templates.held(),
    heldByRuns({ dirs: { stateDir, runDir }, disks, procOf: (runId) => procs.procOfRun(runId) }),
    logs.held((procId) => procs.hasEnded(procId)),
    heldByStore(stateDir),
    heldBeside(needs),
  ]);
  const [held, inRunDir] = [parts.flat(), await heldInRunDir(runDir)];
  return {
    at: needs.clock.now().toISOString(),
    stateBytes: held.reduce((sum, { bytes }) => sum + bytes, 0),
    runBytes: inRunDir.bytes,
    held: [...held, inRunDir],
    fileSystems: await fileSystemsOf([stateDir, runDir]),
    collection: await images.collector.facts(),
  };
}

/** What lies in the state directory and is no room's: our small files, and what others have put there. */
async function heldBeside({ stateDir, runDir }: DfNeeds): Promise<Held[]> {
  const dirs = { stateDir, runDir };
  const theirs = [
    ...["images", "templates", "logs", ...storeNames],
    ...[disksDir(dirs), scratchesDir(dirs), exitsDir(dirs)].map((dir) => basename(dir)),
  ];
  const names = (await readdir(stateDir)).filter((name) => !theirs.includes(name));
  // One directory may lie in the other.
  const paths = names.map((name) => join(stateDir, name)).filter((path) => path !== runDir);
  const usage = await diskUsage(paths, { exclude: runDir });
  const items = [...usage].map(([path, bytes]) => ({ name: basename(path), bytes, inUse: true }));
  return [held("other", { items, ownBytes: await ownUsage(stateDir) })];
}

async function heldInRunDir(runDir: string): Promise<Held> {
  const usage = await diskUsage([runDir], { depth: 1 });
  const items = [...usage].flatMap(([path, bytes]) =>
    path === runDir ? [] : [{ name: basename(path), bytes, inUse: true }],
  );
  const inside = items.reduce((sum, { bytes }) => sum + bytes, 0);
  return held("run-files", { items, ownBytes: (usage.get(runDir) ?? inside) - inside });
}

function held(kind: Held["kind"], { items, ownBytes }: { items: HeldItem[]; ownBytes: number }): Held {
  const bytes = items.reduce((sum, item) => sum + item.bytes, ownBytes);
  return { kind, count: items.length, inUse: items.length, bytes, freeableBytes: 0, items };
}

/** Each once, where both directories lie on the same. */
async function fileSystemsOf(paths: readonly string[]): Promise<FileSystem[]> {
  const devices = await Promise.all(paths.map(async (path) => (await stat(path)).dev));
  const first = paths.filter((_, index) => devices.indexOf(devices[index] ?? 0) === index);
  return await Promise.all(
    first.map(async (path) => {
      const { blocks, bavail, bsize, files, ffree } = await statfs(path);
      const hasInodes = files > 0;
      return {
        ...{ path, totalBytes: blocks * bsize, freeBytes: bavail * bsize },
        ...{ files: hasInodes ? files : null, freeFiles: hasInodes ? ffree : null },
      };
    }),
  );
}
