import { setTimeout as sleep } from "node:timers/promises";

/** How many times longer than elsewhere things may take on this machine; who runs the tests there knows. */
const SLOWNESS = Number(process.env["SHARKU_TEST_SLOWNESS"] ?? "1");

/** A deadline, or a pause between two looks, as long as this machine needs. Every one of a test is made by it. */
export function stretched(ms: number): number {
  return ms * SLOWNESS;
}

const DEADLINE_MS = stretched(20_000);
const PAUSE_MS = stretched(5);

/** Asks again and again until it is so, and fails where it never is. */
export async function until(what: string, isSo: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = performance.now() + DEADLINE_MS;
  while (!(await isSo())) {
    if (performance.now() > deadline) throw new Error(`Cannot see in ${DEADLINE_MS} ms that ${what}`);
    await sleep(PAUSE_MS);
  }
}
