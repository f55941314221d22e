import { SharkuError } from "../contract/errors.ts";
import { failedStart } from "./exits.ts";
import { type Life, toldChange } from "./life.ts";
import { programOf } from "./program.ts";
import type { Tools } from "./steps.ts";

/** After a fault of the daemon's own, in milliseconds. */
const AGAIN_MS = 1_000;

/**
 * Begins to fetch a proc's image and lets its lane go: a wish to end need not wait for the network. What comes of
 * it is put on record in the lane. Where the daemon ends first nothing is, and the next one fetches again.
 */
export function beginFetch(life: Life, tools: Tools): void {
  const ending = new AbortController();
  life.fetching = ending;
  fetchImage(life, tools, ending.signal)
    .catch(async (fault: unknown) => {
      tools.needs.report(fault, { procId: life.id });
      // What could not be put on record now may be able to in a while.
      await tools.needs.clock.sleep(AGAIN_MS, ending.signal).catch(() => undefined);
    })
    .finally(() => {
      life.fetching = null;
      life.fetched = null;
      if (!ending.signal.aborted) tools.drive(life);
    });
}

async function fetchImage(life: Life, { needs }: Tools, signal: AbortSignal): Promise<void> {
  const { spec } = life.record;
  if (spec.image === null) throw new Error(`Cannot fetch for proc "${life.id}": it has no image`);
  const source = { url: spec.image, sha256: spec.imageSha256 };
  const found = await needs.images
    .obtain(source, signal)
    .then(
      (image) => {
        life.fetched = image.digest;
        return { program: programOf(spec, image) };
      },
      (fault: unknown) => ({ fault }),
    )
    .catch((fault: unknown) => ({ fault }));
  await life.lane.run(async () => {
    if (signal.aborted || life.isForgotten || life.record.exit !== null) return;
    if ("program" in found) {
      const { program } = found;
      await life.commit((record) => {
        const saveProc = { ...record, program };
        // Not to its callback: whose state has not changed, receivers of 2013 would take for a second start.
        return { saveProc, event: toldChange(needs, "proc.image", saveProc).event };
      });
      return;
    }
    const { fault } = found;
    needs.report(fault, { procId: life.id });
    const message = fault instanceof Error ? fault.message : String(fault);
    const reason = fault instanceof SharkuError && fault.code === "disk-full" ? "disk" : "image";
    const exit = failedStart(reason, message, needs.clock.now());
    await life.commit((record) => ({ saveProc: { ...record, exit, exitedAt: exit.at } }));
  });
}
