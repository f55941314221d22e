import type { ApiNeeds } from "../needs.ts";
import type { Handlers } from "./handler.ts";

type Names = "capacity" | "df" | "info" | "live" | "ready";

export function hostHandlers({ capacity, df, info, health }: ApiNeeds): Handlers<Names> {
  return {
    df: async ({ query }) => {
      const told = await df();
      if (query.details) return told;
      return { ...told, held: told.held.map(({ items: _, ...rest }) => rest) };
    },

    info: async () => info(),

    capacity: async () => capacity(),

    live: async () => ({ status: "ok" }),

    ready: async ({ reply }) => {
      const status = health();
      if (status !== "ok") void reply.code(503).header("retry-after", "1");
      return { status };
    },
  };
}
