import { SharkuError } from "../../src/contract/errors.ts";
import { openStore } from "../../src/store/store.ts";
import { sampleEvent } from "../samples.ts";

/**
 * Commits to the store of a directory on a small filesystem until that is full, and then again when there is
 * space. Prints, as JSON, what it saw. `filler` is a file that is removed to make space.
 */
const [stateDir = "", filler = ""] = process.argv.slice(2);
const { rmSync, writeFileSync } = await import("node:fs");
const store = await openStore({ stateDir });
writeFileSync(filler, Buffer.alloc(1024 * 1024));
const kept: string[] = [];
let refusal: unknown = null;
for (let round = 0; refusal === null && round < 1000; round += 1) {
  const ids = Array.from({ length: 10 }, (_, index) => `e${round}-${index}`);
  const answers = await Promise.allSettled(
    ids.map((id) => store.commit({ event: sampleEvent(id, "p".repeat(2000)) })),
  );
  for (const [index, answer] of answers.entries())
    if (answer.status === "fulfilled") kept.push(ids[index] ?? "");
    else refusal = answer.reason;
}
const code = refusal instanceof SharkuError ? refusal.code : String(refusal);
const readable = (await store.readEvents({ after: 0, limit: 1 })).events.length === 1;
rmSync(filler);
const after = await store.commit({ event: sampleEvent("after", "p") });
kept.push("after");
const { lastSeq } = await store.eventRange();
await store.close();
const again = await openStore({ stateDir });
const events: string[] = [];
const seqs: number[] = [];
for (let { events: page } = await again.readEvents({ after: 0, limit: 500 }); page.length > 0; ) {
  for (const event of page) {
    events.push(event.id);
    seqs.push(event.seq);
  }
  page = (await again.readEvents({ after: seqs.at(-1) ?? 0, limit: 500 })).events;
}
await again.close();
const same = JSON.stringify([...events].sort()) === JSON.stringify([...kept].sort());
const gapless = seqs.every((seq, index) => seq === index + 1);
console.log(
  JSON.stringify({ code, readable, after: after?.seq === lastSeq, same, gapless, many: kept.length > 20 }),
);
