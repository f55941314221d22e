import { openStore } from "../../src/store/store.ts";
import { sampleEvent, sampleProc } from "../samples.ts";

/** Commits to the store of the directory named until it is killed, and prints `name seq` for each answer. */
const [stateDir = "", name = ""] = process.argv.slice(2);
const store = await openStore({ stateDir });
await Promise.all(
  Array.from({ length: 8 }, async (_, lane) => {
    // Ends when the test kills the process.
    for (let round = 0; ; round += 1) {
      const id = `${name}-${lane}-${round}`;
      const event = await store.commit({ saveProc: sampleProc(id), event: sampleEvent(id, id) });
      process.stdout.write(`${id} ${event?.seq}\n`);
    }
  }),
);
