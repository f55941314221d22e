import type { FastifyReply, FastifyRequest } from "fastify";
import { toProblem } from "../../contract/errors.ts";
import type { BuildRecord, Progress, Template } from "../../contract/template.ts";
import type { ApiNeeds, BuildOptions } from "../needs.ts";
import { toldError } from "../problem.ts";
import { callerGone, type StreamForm, sendStream } from "../stream.ts";
import type { Handlers } from "./handler.ts";

type Names = "listTemplates" | "getTemplate" | "createTemplate" | "putTemplateArchive" | "deleteTemplate";

type BuildCall = (options: BuildOptions) => Promise<Template>;

/** A caller who reads no faster misses the oldest lines of a script. */
const WAITING_MAX = 1000;

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
    const records = buildRecords(build, { request, signal });
    await sendStream(records, { reply, kind: "ndjson", form: buildForm, waits: false });
    return undefined;
  }
  const template = await build({ signal, onProgress: () => undefined });
  void reply.code(201).header("location", `/v1/templates/${template.name}`);
  return template;
}

/**
 * What is told of a build: the newest progress whenever there is some, every line of a script, then how it ended. One
 * that fails before its first progress throws, and is answered like any other call.
 */
async function* buildRecords(
  build: BuildCall,
  { request, signal }: { request: FastifyRequest; signal: AbortSignal },
): AsyncGenerator<BuildRecord, void> {
  const news: { readonly waiting: Progress[]; isOver: boolean; wake: () => void } = {
    waiting: [],
    isOver: false,
    wake: () => undefined,
  };
  const built = build({
    signal,
    onProgress: (progress) => {
      // Of progress the newest is enough, but each line of a script is a word of its own.
      if (news.waiting.at(-1)?.phase !== "running") news.waiting.pop();
      if (news.waiting.push(progress) > WAITING_MAX) news.waiting.shift();
      news.wake();
    },
  });
  const over = built
    .catch(() => undefined)
    .finally(() => {
      news.isOver = true;
      news.wake();
    });
  let hasBegun = false;
  try {
    // Ends with the build.
    while (!news.isOver || news.waiting.length > 0) {
      const woken = new Promise<void>((resolve) => {
        news.wake = resolve;
      });
      const progress = news.waiting.shift();
      if (progress === undefined) await woken;
      else {
        hasBegun = true;
        yield { progress };
      }
    }
    yield { template: await built };
  } catch (error) {
    if (!hasBegun) throw error;
    yield { problem: toProblem(toldError(error, request.log)) };
  } finally {
    await over;
  }
}
