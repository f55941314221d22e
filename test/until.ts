import { setTimeout as sleep } from "node:timers/promises";

const DEADLINE_MS = 20_000;
const PAUSE_MS = 5;

/** Asks again and again until it is so, and fails where it never is. */
export async function until(what: string, isSo: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = performance.now() + DEADLINE_MS;
  while (!(await isSo())) {
    if (performance.now() > deadline) throw new Error(`Cannot see in ${DEADLINE_MS} ms that ${what}`);
    await sleep(PAUSE_MS);
  }
}
