import { SharkuError } from "../../contract/errors.ts";
import type { ApiNeeds } from "../needs.ts";
import type { Handlers } from "./handler.ts";

const PAGE_DEFAULT = 100;

/** Their log outlives the proc, so that what was given up can still be seen and asked for. */
export function callbackHandlers({
  procs,
  journal,
}: ApiNeeds): Handlers<"procCallbacks" | "replayCallbacks"> {
  const assertKnown = async (id: string) => {
    if (procs.has(id)) return;
    const [first] = await journal.deliveries(id, { after: 0, limit: 1 });
    // Answers as every other call about a proc that is not there.
    if (first === undefined) procs.get(id);
  };
  return {
    procCallbacks: async ({ params, query }) => {
      await assertKnown(params.id);
      const limit = query.limit ?? PAGE_DEFAULT;
      const after = positionOf(query.cursor);
      const found = await journal.deliveries(params.id, { after, limit: limit + 1 });
      const items = found.slice(0, limit);
      const next = found.length > limit ? String(items.at(-1)?.seq) : null;
      return { items, next, seq: procs.seq };
    },

    replayCallbacks: async ({ params, body, reply }) => {
      await assertKnown(params.id);
      void reply.code(202);
      return { seqs: await journal.replay(params.id, body) };
    },
  };
}

function positionOf(cursor: string | undefined): number {
  if (cursor === undefined) return 0;
  if (/^\d{1,15}$/.test(cursor)) return Number(cursor);
  const detail = "is none that a list has given";
  throw new SharkuError("invalid-request", `Cannot go on from cursor "${cursor}": it ${detail}`, {
    faults: [{ pointer: "?cursor", detail }],
  });
}
