import type { Timings } from "../src/contract/proc.ts";
import type { Comparison } from "./table.ts";

/** Where the time of our starts goes: the caller's measurements, split by what the daemon tells of each. */
export function phasesOfStart(callerMs: readonly number[], timings: readonly Timings[]): Comparison {
  const of = (name: string) => timings.map((one) => one[name] ?? 0);
  const totalMs = of("totalMs");
  const names = Object.keys(timings[0] ?? {}).filter((name) => name !== "totalMs");
  const restMs = timings.map((one, at) =>
    names.reduce((left, name) => left - (one[name] ?? 0), totalMs[at] ?? 0),
  );
  return {
    title: "Where Sharku's time goes",
    relation: "share",
    notes: ["All are medians of their own, so the parts add up to the whole only nearly."],
    series: [
      { name: "whole", what: "as the caller sees it; the first table's row", samplesMs: callerMs },
      {
        name: "outside",
        what: "the client, HTTP for both calls, and the record that it runs: whole less totalMs",
        samplesMs: callerMs.map((ms, at) => ms - (totalMs[at] ?? 0)),
      },
      {
        name: "totalMs",
        what: "in the daemon, from accepted to started; holds what follows",
        samplesMs: totalMs,
      },
      ...names.map((name) => ({
        name: `- ${name}`,
        what: meanings[name] ?? "a phase that the daemon names so",
        samplesMs: of(name),
      })),
      {
        name: "- rest",
        what: "port found free, the records before the start, log and names prepared",
        samplesMs: restMs,
      },
    ],
  };
}

const meanings: Readonly<Record<string, string>> = {
  createMs: "bundle and directories written, conmon spawned, crun create",
  networkMs: "cable into the namespace, addresses, published port: ip, nsenter with ip, nft",
  startMs: "crun start",
};
