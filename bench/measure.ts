import type { Series } from "./table.ts";

/** One of the things that a benchmark sets side by side. */
export interface Contender {
  readonly name: string;
  readonly what: string;
  /** Does the thing once and clears away after it, which is not timed. Answers the milliseconds it took. */
  once(): Promise<number>;
}

/** Runs before those that count: caches fill, and just-in-time compilers see what they will see. */
const WARM_UPS = 3;

/**
 * Measures all of them in turns, so that whatever else the machine does meets each alike. Every round begins with
 * another one, so that none always follows the same.
 */
export async function measureInTurns(
  contenders: readonly Contender[],
  {
    runs,
    warmUps = WARM_UPS,
    signal,
  }: { readonly runs: number; readonly warmUps?: number; readonly signal: AbortSignal },
): Promise<Series[]> {
  const samples = contenders.map((): number[] => []);
  for (let round = -warmUps; round < runs; round += 1) {
    for (let turn = 0; turn < contenders.length; turn += 1) {
      signal.throwIfAborted();
      const at = (turn + round + warmUps) % contenders.length;
      const ms = await contenders[at]?.once();
      if (round >= 0 && ms !== undefined) samples[at]?.push(ms);
    }
  }
  return contenders.map(({ name, what }, at) => ({ name, what, samplesMs: samples[at] ?? [] }));
}

/** The milliseconds from the call until its promise is kept. */
export async function timed(work: () => Promise<unknown>): Promise<number> {
  const beganMs = performance.now();
  await work();
  return performance.now() - beganMs;
}
