import { SharkuError } from "../../contract/errors.ts";
import type { ApiNeeds } from "../needs.ts";
import type { Handlers } from "./handler.ts";

type Names = "info" | "live" | "ready" | "listTemplates" | "getTemplate";

export function hostHandlers({ info, health, templates, procs }: ApiNeeds): Handlers<Names> {
  return {
    info: async () => info(),

    live: async () => ({ status: "ok" }),

    ready: async ({ reply }) => {
      const status = health();
      if (status !== "ok") void reply.code(503).header("retry-after", "1");
      return { status };
    },

    listTemplates: async () => ({ items: templates.list(), next: null, seq: procs.seq }),

    getTemplate: async ({ params }) => {
      const template = templates.list().find(({ name }) => name === params.name);
      if (template !== undefined) return template;
      throw new SharkuError(
        "template-not-found",
        `Cannot find template "${params.name}": there is none of that name, GET /v1/templates lists them`,
      );
    },
  };
}
