import type { FastifyRequest } from "fastify";
import type { Image } from "../../contract/image.ts";
import type { ImageProgress, PushRecord } from "../../contract/image-progress.ts";
import { pageOfAll } from "../../lib/page.ts";
import type { ApiNeeds } from "../needs.ts";
import { progressRecords } from "../progress-records.ts";
import { callerGone, type StreamForm, sendStream } from "../stream.ts";
import type { Handlers } from "./handler.ts";

type Names =
  | "pushImage"
  | "listImages"
  | "getImage"
  | "imageFiles"
  | "patchImage"
  | "pruneImages"
  | "deleteImage";

interface Taken {
  readonly image: Image;
  readonly isNew: boolean;
}

type Take = (onProgress: (progress: ImageProgress) => void) => Promise<Taken>;

/** Nobody resumes a push by its records, so they have no numbers. */
const pushForm: StreamForm<PushRecord> = { sseId: () => "" };

/** Within a phase no more often than so, in milliseconds. */
const PROGRESS_MS = 100;

export function imageHandlers({ images, procs }: ApiNeeds): Handlers<Names> {
  return {
    pushImage: async ({ request, reply }) => {
      const signal = callerGone(reply);
      const takeIn = (onProgress: (progress: ImageProgress) => void) =>
        // No parser touches the body of this call: its bytes are taken as they come.
        images.takeIn(request.raw, signal, { totalBytes: lengthOf(request), onProgress });
      if (request.headers.accept?.includes("application/x-ndjson")) {
        const call = {
          work: paced(takeIn),
          last: (taken: Taken): PushRecord => taken,
          isDated: () => true,
          signal,
        };
        const records: AsyncIterable<PushRecord> = progressRecords(call, request);
        await sendStream(records, { reply, kind: "ndjson", form: pushForm, waits: false });
        return undefined;
      }
      const { image, isNew } = await takeIn(() => undefined);
      void reply.code(isNew ? 201 : 200).header("location", `/v1/images/${image.digest}`);
      return image;
    },

    listImages: async ({ query }) => ({
      ...pageOfAll(images.list(), { ...query, keyOf: (image) => `${image.createdAt} ${image.digest}` }),
      seq: procs.seq,
    }),

    getImage: async ({ params }) => images.get(params.digest),

    imageFiles: async ({ params, query }) => await images.files(params.digest, query),

    patchImage: async ({ params, body }) => await images.patch(params.digest, body),

    pruneImages: async ({ body }) => await images.prune(body),

    deleteImage: async ({ params, reply }) => {
      await images.remove(params.digest);
      void reply.code(204);
      return null;
    },
  };
}

/** Each chunk and each file is a step; nobody looks at so many. */
function paced(take: Take): Take {
  return async (onProgress) => {
    let told = { phase: "", atMs: 0 };
    return await take((progress) => {
      const nowMs = performance.now();
      if (progress.phase === told.phase && nowMs - told.atMs < PROGRESS_MS) return;
      told = { phase: progress.phase, atMs: nowMs };
      onProgress(progress);
    });
  };
}

/** null where the body comes in chunks. */
function lengthOf({ headers }: FastifyRequest): number | null {
  const length = Number(headers["content-length"]);
  return headers["content-length"] === undefined || !Number.isSafeInteger(length) ? null : length;
}
