import { mkdir, stat } from "node:fs/promises";
import { join } from "node:path";
import type { ProcSpec } from "../src/client/client.ts";
import { runCommand } from "../src/lib/run-command.ts";
import type { Benchmark, BenchmarkOptions } from "./benchmark.ts";
import { type Contender, measureInTurns, timed } from "./measure.ts";
import { type OwnDaemon, startOwnDaemon } from "./own-daemon.ts";
import { chosenEngines } from "./peers/chosen.ts";
import { openEngine } from "./peers/engine.ts";
import { importAndRun } from "./peers/import.ts";
import { bytesOf, pushFile } from "./push-file.ts";
import { endOf, type Packing, packings, packTree, writeTree } from "./sample-tree.ts";
import { bundleOf, startProc } from "./start-proc.ts";
import type { Comparison, Series } from "./table.ts";

/**
 * How long it takes from an app's archive to its running proc, beside tar(1) on the host and beside other engines;
 * and what a proc pays for an image that is here already.
 */

const shape = { files: 10_000, bytesPerFile: 10_000 };
const spec: ProcSpec = { app: "bench", name: "image", command: ["sleep", "600"] };
/** Each takes seconds, and what is warmed up is the daemon's code and the machine's caches. */
const WARM_UPS = 1;

const notes = [
  "tar runs as root on the host, in the same file system, without a sandbox, limits or a look at what comes out; " +
    "then `sync -f` of the directory. Sharku's time holds the sandbox, the look, the sync, and the start of the proc.",
  "All trees stay until the end, and each push brings an archive with another end: for minutes ext4 does not use an " +
    "inode again that was deleted, and searches past it, so that files are made five times as slowly after a removal.",
];

export const images: Benchmark = async (options) => {
  const { dir, runs, signal, say } = options;
  say(`images: making a tree of ${shape.files} files`);
  const treeDir = join(dir, "tree");
  await writeTree(treeDir, shape);
  await using daemon = await startOwnDaemon(dir, signal);
  const comparisons: Comparison[] = [];
  const places: Place[] = [];
  for (const packing of packings) {
    const file = join(dir, `${packing}.archive`);
    await packTree(treeDir, { file, packing });
    say(`images: ${packing}; ${runs} runs each, in turns`);
    const place = placeOf(daemon, { file, packing });
    places.push(place);
    comparisons.push(...(await comparePacking(options, place)));
  }
  const place = places.find(({ packing }) => packing === "gzip");
  if (place === undefined) throw new Error("Cannot go on: there is no gzip archive");
  say("images: with other engines; and a second proc of an image");
  comparisons.push(await compareEngines(options, place));
  comparisons.push(await compareSecond(options, place));
  return { benchmark: "images", comparisons };
};

interface Place {
  readonly daemon: OwnDaemon;
  readonly file: string;
  readonly packing: Packing;
  /** Another each time, so that the daemon has not got the archive yet. */
  readonly nextEnd: () => Buffer;
}

function placeOf(daemon: OwnDaemon, { file, packing }: { file: string; packing: Packing }): Place {
  let number = 0;
  const nextEnd = () => {
    number += 1;
    return endOf(packing, number);
  };
  return { daemon, file, packing, nextEnd };
}

async function comparePacking({ dir, runs, signal }: BenchmarkOptions, place: Place): Promise<Comparison[]> {
  const wholeMs: number[] = [];
  const contenders = [pushAndRun(place, wholeMs), byTar(place, join(dir, `by-tar-${place.packing}`))];
  const [ours, tar] = await measureInTurns(contenders, { runs, warmUps: WARM_UPS, signal });
  if (ours === undefined || tar === undefined) throw new Error("Cannot compare: a row is missing");
  const whole: Series = {
    name: "Sharku",
    what: "from the first byte sent to the proc running",
    samplesMs: wholeMs.slice(-runs),
  };
  const bytes = (await stat(place.file)).size;
  const title = `${(shape.files * shape.bytesPerFile) / 1e6} MB in ${shape.files} files, ${place.packing}, ${(bytes / 1e6).toFixed(1)} MB to send`;
  return [
    { title: `${title}: upload aside`, relation: "ratio", series: [ours, tar], notes },
    { title: `${title}: upload included`, relation: "ratio", series: [whole, tar], notes: [] },
  ];
}

/** Times from the last byte sent to the proc running; the whole goes to `wholeMs`. */
function pushAndRun({ daemon, file, nextEnd }: Place, wholeMs: number[]): Contender {
  const { client, remove } = daemon;
  return {
    name: "Sharku",
    what: "from the last byte sent, by POST /v1/images over the unix socket, to the proc running",
    once: async () => {
      const end = nextEnd();
      await runCommand(["sync", "-f", file]);
      const beganMs = performance.now();
      const { digest, sentAtMs } = await pushFile({ file, end }, daemon);
      const id = await startProc(client, { ...spec, image: digest });
      const endedMs = performance.now();
      wholeMs.push(endedMs - beganMs);
      await remove(id);
      return endedMs - sentAtMs;
    },
  };
}

function byTar({ file }: Place, topDir: string): Contender {
  let turns = 0;
  return {
    name: "tar + sync",
    what: "tar -x as root on the host, then sync -f of the directory",
    once: async () => {
      turns += 1;
      const dir = join(topDir, String(turns));
      await mkdir(dir, { recursive: true });
      await runCommand(["sync", "-f", dir]);
      const ms = await timed(async () => {
        await runCommand(["tar", "-x", "-f", file, "-C", dir]);
        await runCommand(["sync", "-f", dir]);
      });
      return ms;
    },
  };
}

async function compareEngines(options: BenchmarkOptions, place: Place): Promise<Comparison> {
  const { runs, signal, say } = options;
  await using stack = new AsyncDisposableStack();
  const { file, packing } = place;
  const archive = (number: number) => bytesOf({ file, end: endOf(packing, number) });
  const whole: Contender = {
    name: "Sharku",
    what: "from the first byte sent to the proc running",
    once: async () => {
      const wholeMs: number[] = [];
      await pushAndRun(place, wholeMs).once();
      return wholeMs[0] ?? Number.NaN;
    },
  };
  const contenders = [whole];
  for (const engine of await chosenEngines(options, await bundleOf(place.daemon, spec))) {
    say(`images: starting a ${engine.name} of our own`);
    const { call } = stack.use(await openEngine(engine, signal));
    contenders.push(await importAndRun(engine, { call, archive }));
  }
  return {
    title: "From the gzip archive to a running proc, upload included",
    relation: "ratio",
    series: await measureInTurns(contenders, { runs, warmUps: WARM_UPS, signal }),
    notes: ["The engines get the tree by their API's import, and sync nothing of it to the disk."],
  };
}

async function compareSecond(
  { runs, signal }: BenchmarkOptions,
  { daemon, file, nextEnd }: Place,
): Promise<Comparison> {
  const { digest } = await pushFile({ file, end: nextEnd() }, daemon);
  const first = await startProc(daemon.client, { ...spec, image: digest });
  const contender = (name: string, what: string, image: string | null): Contender => ({
    name,
    what,
    once: async () => {
      let id = "";
      const ms = await timed(async () => {
        id = await startProc(daemon.client, { ...spec, image });
      });
      await daemon.remove(id);
      return ms;
    },
  });
  const contenders = [
    contender("second proc", "POST /v1/procs until running, of an image that another proc has", digest),
    contender("no image", "the same without an image", null),
  ];
  const series = await measureInTurns(contenders, { runs: runs * 2, signal });
  await daemon.remove(first);
  return { title: "The second proc of an image", relation: "ratio", series, notes: [] };
}
