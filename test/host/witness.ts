import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import type { Proc, SharkuClient } from "../../src/client/client.ts";
import { ask, runProc, untilLine } from "./proc-calls.ts";

/** A proc beside those that misbehave: as long as it answers rightly, and the daemon does, no harm is done to them. */
export interface Witness {
  readonly proc: Proc;
  /** Asks both again and again while the work is done, and fails where either is wrong or silent. */
  during<Result>(work: () => Promise<Result>): Promise<Result>;
}

const PAUSE_MS = 20;

export async function startWitness(client: SharkuClient, image: string): Promise<Witness> {
  const spec = { app: "witness", name: "web", image, command: ["python3", "obey.py"] };
  const proc = await runProc(client, spec);
  assert.equal(proc.state, "running", proc.exit?.message ?? "no word why");
  await untilLine(client, proc.id, /^ready$/);
  const pid = await ask(proc);
  return {
    proc,
    during: async (work) => {
      const watch = { over: false, asked: 0 };
      const watching = (async () => {
        while (!watch.over) {
          // The same process as at the beginning.
          assert.equal(await ask(proc), pid);
          assert.equal((await client.live()).status, "ok");
          watch.asked += 1;
          await sleep(PAUSE_MS);
        }
      })();
      try {
        return await Promise.race([work(), watching.then(() => assert.fail("the witness came to an end"))]);
      } finally {
        watch.over = true;
        await watching;
        assert.ok(watch.asked > 0);
      }
    },
  };
}
