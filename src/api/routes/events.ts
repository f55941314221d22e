import type { EventRecord } from "../../contract/event.ts";
import type { ApiNeeds } from "../needs.ts";
import { callerGone, type StreamForm, sendStream, streamKind } from "../stream.ts";
import type { Handlers } from "./handler.ts";

/** After a gap a browser goes on behind it. */
export const eventForm: StreamForm<EventRecord> = {
  sseId: (record) => String("gap" in record ? record.gap.to : record.seq),
};

export function eventHandlers({ journal }: ApiNeeds): Handlers<"events"> {
  return {
    events: async ({ query, request, reply }) => {
      const kind = streamKind(request, false);
      const follow = query.follow ?? kind === "sse";
      const { proc, app, type } = query;
      const records = journal.follow({
        ...(proc !== undefined && { procId: proc }),
        ...(app !== undefined && { app }),
        ...(type !== undefined && { type }),
        after: query.after ?? lastSeq(request),
        follow,
        signal: callerGone(reply),
      });
      await sendStream(records, { reply, kind, form: eventForm, waits: follow });
    },
  };
}

/** Where a browser that was cut off goes on. */
export function lastSeq(request: { readonly headers: NodeJS.Dict<string | string[]> }): number {
  const seq = Number(request.headers["last-event-id"] ?? 0);
  return Number.isSafeInteger(seq) && seq >= 0 ? seq : 0;
}
