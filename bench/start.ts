import { join } from "node:path";
import type { ProcSpec } from "../src/client/client.ts";
import type { Timings } from "../src/contract/proc.ts";
import type { OciConfig } from "../src/isolation/oci.ts";
import type { Benchmark, BenchmarkOptions } from "./benchmark.ts";
import { firstAnswer } from "./first-answer.ts";
import { type Contender, measureInTurns, timed } from "./measure.ts";
import { type OwnDaemon, startOwnDaemon } from "./own-daemon.ts";
import { chosenEngines } from "./peers/chosen.ts";
import { crunByHand, crunCompiling, crunWithoutFilter } from "./peers/crun.ts";
import { type EngineContender, startEngine } from "./peers/engine.ts";
import { phasesOfStart } from "./phases.ts";
import { bundleOf, startProc } from "./start-proc.ts";
import type { Comparison } from "./table.ts";

/**
 * How long a start takes: beside the runtime that we build on, beside other engines, part by part, and until an
 * app answers.
 */

const spec: ProcSpec = { app: "bench", name: "start", command: ["sleep", "600"] };

const notes = [
  "Sharku's time holds HTTP, the records on disk, the supervisor, the network and the port, but not the end of " +
    "the proc. crun's holds the start and the end of a process, and none of the others: its network is empty.",
  "Sharku and crun run the same profile: user namespace, no capability, own seccomp filter, masks, limits. Docker " +
    "and Podman run as they come: root without a user namespace, some capabilities, their own filter, no init.",
  "Docker and Podman have daemons of their own here, in namespaces that end with them, and get the template's " +
    "skeleton and /etc as an image, with the host's /usr bound as ours is.",
];

export const start: Benchmark = async (options) => {
  const { dir, runs, signal, say } = options;
  await using daemon = await startOwnDaemon(dir, signal);
  const config = await bundleOf(daemon, spec);
  await using stack = new AsyncDisposableStack();
  const engines = await startEngines(options, { config, stack });
  const phases: Timings[] = [];
  const contenders: Contender[] = [
    sharku(daemon, phases),
    await crunByHand({ dir: join(dir, "crun"), config }),
    await crunCompiling({ dir: join(dir, "crun-compiling"), config }),
    await crunWithoutFilter({ dir: join(dir, "crun-no-seccomp"), config }),
    ...engines,
  ];
  say(`start: ${contenders.map(({ name }) => name).join(", ")}; ${runs} runs each, in turns`);
  const series = await measureInTurns(contenders, { runs, signal });
  const comparisons: Comparison[] = [
    { title: "Start of a proc", relation: "ratio", series, notes },
    phasesOfStart(series[0]?.samplesMs ?? [], phases.slice(-runs)),
  ];
  say("start: until the first answer");
  comparisons.push(await firstAnswer(daemon, { runs, signal }));
  return { benchmark: "start", comparisons };
};

function sharku({ client, remove }: OwnDaemon, phases: Timings[]): Contender {
  return {
    name: "Sharku",
    what: "POST /v1/procs until GET …/wait?until=running answers, over the unix socket",
    once: async () => {
      let id = "";
      const ms = await timed(async () => {
        id = await startProc(client, spec);
      });
      phases.push((await client.getProc(id)).timings);
      await remove(id);
      return ms;
    },
  };
}

async function startEngines(
  options: BenchmarkOptions,
  { config, stack }: { config: OciConfig; stack: AsyncDisposableStack },
): Promise<EngineContender[]> {
  const started: EngineContender[] = [];
  for (const engine of await chosenEngines(options, config)) {
    options.say(`start: starting a ${engine.name} of our own`);
    started.push(stack.use(await startEngine(engine, options.signal)));
  }
  return started;
}
