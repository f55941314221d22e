import type { Event } from "../../contract/event.ts";
import type { ApiNeeds } from "../needs.ts";
import { callerGone, type StreamForm, sendStream, streamKind } from "../stream.ts";
import type { Handlers } from "./handler.ts";

export const eventForm: StreamForm<Event> = { sseId: (event) => String(event.seq) };

export function eventHandlers({ journal }: ApiNeeds): Handlers<"events"> {
  return {
    events: async ({ query, request, reply }) => {
      const kind = streamKind(request, false);
      const follow = query.follow ?? kind === "sse";
      const records = journal.follow({
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
