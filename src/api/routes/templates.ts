import type { FastifyReply, FastifyRequest } from "fastify";
import type { BuildRecord, Progress, Template } from "../../contract/template.ts";
import type { ApiNeeds, BuildOptions } from "../needs.ts";
import { progressRecords } from "../progress-records.ts";
import { callerGone, type StreamForm, sendStream } from "../stream.ts";
import type { Handlers } from "./handler.ts";

type Names = "listTemplates" | "getTemplate" | "createTemplate" | "putTemplateArchive" | "deleteTemplate";

type BuildCall = (options: BuildOptions) => Promise<Template>;

/** Nobody resumes a build, so its records have no numbers. */
const buildForm: StreamForm<BuildRecord> = { sseId: () => "" };

export function templateHandlers({ templates, procs }: ApiNeeds): Handlers<Names> {
  return {
    listTemplates: async () => ({ items: templates.list(), next: null, seq: procs.seq }),

    getTemplate: async ({ params }) => templates.get(params.name),

    createTemplate: async ({ body, request, reply }) =>
      await answerBuild({ request, reply }, (options) => templates.create(body, options)),

    putTemplateArchive: async ({ params, query, request, reply }) =>
      await answerBuild({ request, reply }, (options) =>
        // No parser touches the body of this call: its bytes are taken as they come.
        templates.takeArchive(params.name, request.raw, { ...options, replace: query.replace ?? false }),
      ),

    deleteTemplate: async ({ params, reply }) => {
      await templates.remove(params.name);
      void reply.code(204);
      return null;
    },
  };
}

/** The build lives as long as its call: a caller who goes away ends it. */
async function answerBuild(
  { request, reply }: { request: FastifyRequest; reply: FastifyReply },
  build: BuildCall,
): Promise<Template | undefined> {
  const signal = callerGone(reply);
  if (request.headers.accept?.includes("application/x-ndjson")) {
    const call = {
      work: (onProgress: BuildOptions["onProgress"]) => build({ signal, onProgress }),
      last: (template: Template): BuildRecord => ({ template }),
      // Of progress the newest is enough, but each line of a script is a word of its own.
      isDated: ({ phase }: Progress) => phase !== "running",
      signal,
    };
    const records = progressRecords(call, request);
    await sendStream(records, { reply, kind: "ndjson", form: buildForm, waits: false });
    return undefined;
  }
  const template = await build({ signal, onProgress: () => undefined });
  void reply.code(201).header("location", `/v1/templates/${template.name}`);
  return template;
}
