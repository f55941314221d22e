import type { ApiNeeds } from "../needs.ts";
import type { Handlers } from "./handler.ts";

type Names = "deleteProc" | "stopProc" | "restartProc" | "signalProc";

/** The calls that end a proc, or its run; each is answered as soon as it is on record. */
export function procEndHandlers({ procs }: ApiNeeds): Handlers<Names> {
  return {
    deleteProc: async ({ params, query, reply }) => {
      void reply.code(202);
      return await procs.remove(params.id, query);
    },

    stopProc: async ({ params, body, reply }) => {
      void reply.code(202);
      return await procs.stop(params.id, body);
    },

    restartProc: async ({ params, body, reply }) => {
      void reply.code(202);
      return await procs.restart(params.id, body);
    },

    signalProc: async ({ params, body, reply }) => {
      void reply.code(202);
      return await procs.signal(params.id, body);
    },
  };
}
