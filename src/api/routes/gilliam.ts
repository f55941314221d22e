import { FACE_LABEL, GILLIAM_FACE, type GilliamProc, gilliamState } from "../../contract/gilliam.ts";
import type { Proc } from "../../contract/proc.ts";
import type { ApiNeeds } from "../needs.ts";
import type { Handlers } from "./handler.ts";

type Names = "gilliamCreate" | "gilliamList" | "gilliamGet" | "gilliamDelete";

const PAGE = 1000;

export function gilliamHandlers({ procs }: ApiNeeds): Handlers<Names> {
  return {
    gilliamCreate: async ({ body, reply }) => {
      const proc = await procs.create({ ...body, labels: { [FACE_LABEL]: GILLIAM_FACE } });
      const { links, ...fields } = viewOf(proc);
      void reply.code(201).header("location", links.self);
      return { ...fields, config: body.config ?? {}, links };
    },

    gilliamList: async () => {
      const all: Record<string, GilliamProc> = {};
      // Ends with the last page.
      for (let page = procs.list({ limit: PAGE }); ; page = procs.list({ limit: PAGE, cursor: page.next })) {
        for (const proc of page.items) all[proc.id] = viewOf(proc);
        if (page.next === null) return all;
      }
    },

    gilliamGet: async ({ params }) => viewOf(procs.get(params.id)),

    gilliamDelete: async ({ params, reply }) => {
      await procs.remove(params.id, {});
      void reply.code(204);
      return null;
    },
  };
}

function viewOf({ id, app, name, image, configNames, port, state, command }: Proc): GilliamProc {
  return {
    ...{ id, app, name, port, command },
    image: image?.ref ?? null,
    // Its values are secrets, which `GET /v1/procs/{id}/config` alone shows.
    config: Object.fromEntries(configNames.map((word) => [word, ""])),
    state: gilliamState(state),
    links: { self: `/proc/${id}` },
  };
}
