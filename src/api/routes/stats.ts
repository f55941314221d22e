import { INTERVAL_MS_DEFAULT, type Stats, type StatsList } from "../../contract/stats.ts";
import type { ApiNeeds } from "../needs.ts";
import { callerGone, type StreamForm, sendStream, streamKind } from "../stream.ts";
import type { Handlers } from "./handler.ts";

const statsForm: StreamForm<Stats | StatsList> = { sseId: ({ time }) => time };

export function statsHandlers({ figures }: ApiNeeds): Handlers<"procStats" | "allStats"> {
  return {
    procStats: async ({ params, query, request, reply }) => {
      const kind = streamKind(request, false);
      if (!(query.follow ?? kind === "sse")) return await figures.one(params.id);
      const { intervalMs = INTERVAL_MS_DEFAULT } = query;
      const records = figures.follow(params.id, { intervalMs, signal: callerGone(reply) });
      await sendStream(records, { reply, kind, form: statsForm, waits: false });
      return undefined;
    },

    allStats: async ({ query, request, reply }) => {
      const kind = streamKind(request, false);
      if (!(query.follow ?? kind === "sse")) return await figures.all(query);
      const { intervalMs = INTERVAL_MS_DEFAULT } = query;
      const records = figures.followAll(query, { intervalMs, signal: callerGone(reply) });
      await sendStream(records, { reply, kind, form: statsForm, waits: false });
      return undefined;
    },
  };
}
