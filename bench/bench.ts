import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { parseArgs } from "node:util";
import { askedToEnd } from "../scripts/start/signals.ts";
import { systemClock } from "../src/lib/clock.ts";
import { type Benchmark, type PeerName, peerNames } from "./benchmark.ts";
import { images } from "./images.ts";
import { describeMachine, type Machine, machineText } from "./machine.ts";
import { start } from "./start.ts";
import { summarize } from "./statistics.ts";
import { comparisonText, type Report, relationsOf } from "./table.ts";

/**
 * The benchmarks, as `npm run bench` runs them: `npm run bench -- start --with docker,podman --json FILE`.
 *
 * Does: run Sharku and its peers side by side, in turns, in one run on one machine; print medians, spread and
 * ratios, and what differs between the things compared.
 * Does not: install anything, assert a time, or touch a daemon in use.
 *
 * INVARIANTS
 * - All that a benchmark writes lies below one directory in /var/tmp, or in cgroups and namespaces named after it.
 * - However it ends, by Ctrl-C too, daemons, procs, mounts and files are gone; SIGKILL alone, or a second Ctrl-C, leaves them.
 */

const benchmarks: Readonly<Record<string, Benchmark>> = { start, images };

const RUNS_DEFAULT = 20;
const RUNS_MAX = 10_000;
const INTERRUPTED = 130;
const USAGE = 64;

const help = `Usage: npm run bench -- [BENCHMARK]… [OPTION]…

Benchmarks: ${Object.keys(benchmarks).join(", ")} (without a name: all). Needs root.

Options:
  --with PEERS  besides crun, of docker,podman, where installed; each gets a daemon of its own
  --runs N      measurements of each                       (${RUNS_DEFAULT})
  --json FILE   also writes every sample, and the machine, to FILE
  --help        this text
`;

interface Wish {
  readonly names: readonly string[];
  readonly peers: readonly PeerName[];
  readonly runs: number;
  readonly jsonFile: string | undefined;
}

class UsageError extends Error {
  override readonly name = "UsageError";
}

async function main(argv: readonly string[]): Promise<number> {
  const signal = askedToEnd();
  try {
    const wish = parseWish(argv);
    if (wish === "help") {
      process.stdout.write(help);
      return 0;
    }
    await run(wish, signal);
    return 0;
  } catch (error) {
    // Anything else is a fault, also when it comes while clearing away after a Ctrl-C.
    if (error === signal.reason) return INTERRUPTED;
    if (!(error instanceof UsageError)) throw error;
    process.stderr.write(`bench: ${error.message}\n`);
    return USAGE;
  }
}

async function run({ names, peers, runs, jsonFile }: Wish, signal: AbortSignal): Promise<void> {
  const machine = await describeMachine();
  process.stdout.write(`${machineText(machine)}\n`);
  const reports: Report[] = [];
  for (const name of names) {
    const report = await runOne(benchmarks[name], { peers, runs, signal });
    for (const comparison of report.comparisons) process.stdout.write(`\n${comparisonText(comparison)}\n`);
    reports.push(report);
  }
  if (jsonFile !== undefined) await writeFile(jsonFile, jsonOf(machine, reports));
}

async function runOne(
  benchmark: Benchmark | undefined,
  options: { peers: readonly PeerName[]; runs: number; signal: AbortSignal },
): Promise<Report> {
  if (benchmark === undefined) throw new UsageError("Cannot run a benchmark that is not there");
  // Not below /tmp, which is in memory on many hosts.
  const dir = await mkdtemp("/var/tmp/sharku-bench-");
  try {
    // The containers' roots are strangers to the host and must find their way.
    await chmod(dir, 0o711);
    return await benchmark({ ...options, dir, say: (line) => process.stderr.write(`${line}\n`) });
  } finally {
    await rm(dir, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 });
  }
}

/** Errors: UsageError. */
function parseWish(argv: readonly string[]): Wish | "help" {
  const { values, positionals } = parseWords(argv);
  if (values.help === true) return "help";
  const unknown = positionals.find((name) => !Object.hasOwn(benchmarks, name));
  if (unknown !== undefined)
    throw new UsageError(
      `Cannot run benchmark "${unknown}": there is none of that name, one of ${Object.keys(benchmarks).join(", ")} was wanted`,
    );
  const runs = Number(values.runs ?? RUNS_DEFAULT);
  if (!Number.isSafeInteger(runs) || runs < 1 || runs > RUNS_MAX)
    throw new UsageError(`Cannot take --runs "${values.runs}": a number from 1 to ${RUNS_MAX} was wanted`);
  return {
    names: positionals.length === 0 ? Object.keys(benchmarks) : positionals,
    peers: (values.with ?? "").split(",").filter(Boolean).map(toPeer),
    runs,
    jsonFile: values.json,
  };
}

function parseWords(argv: readonly string[]) {
  try {
    return parseArgs({
      args: [...argv],
      allowPositionals: true,
      options: {
        with: { type: "string" },
        runs: { type: "string" },
        json: { type: "string" },
        help: { type: "boolean", short: "h" },
      },
    });
  } catch (cause) {
    const words = cause instanceof Error ? cause.message.split("\n")[0] : String(cause);
    throw new UsageError(`Cannot run: ${words}, see npm run bench -- --help`, { cause });
  }
}

function toPeer(word: string): PeerName {
  const peer = peerNames.find((name) => name === word);
  if (peer !== undefined) return peer;
  throw new UsageError(
    `Cannot compare with "${word}": it is no peer known here, some of ${peerNames.join(",")} were wanted`,
  );
}

function jsonOf(machine: Machine, reports: readonly Report[]): string {
  const told = reports.map(({ benchmark, comparisons }) => ({
    benchmark,
    comparisons: comparisons.map((comparison) => ({
      title: comparison.title,
      notes: comparison.notes,
      series: comparison.series.map((one) => ({ ...one, summary: summarize(one.samplesMs) })),
      relation: comparison.relation,
      relations: relationsOf(comparison),
    })),
  }));
  return `${JSON.stringify({ at: systemClock.now().toISOString(), machine, reports: told }, null, 2)}\n`;
}

process.exitCode = await main(process.argv.slice(2));
