import type { ApiNeeds } from "../needs.ts";
import type { Handlers } from "./handler.ts";

type Names = "info" | "live" | "ready";

export function hostHandlers({ info, health }: ApiNeeds): Handlers<Names> {
  return {
    info: async () => info(),

    live: async () => ({ status: "ok" }),

    ready: async ({ reply }) => {
      const status = health();
      if (status !== "ok") void reply.code(503).header("retry-after", "1");
      return { status };
    },
  };
}
