import { pageOfAll } from "../../lib/page.ts";
import type { ApiNeeds } from "../needs.ts";
import { callerGone } from "../stream.ts";
import type { Handlers } from "./handler.ts";

type Names =
  | "pushImage"
  | "listImages"
  | "getImage"
  | "imageFiles"
  | "patchImage"
  | "pruneImages"
  | "deleteImage";

export function imageHandlers({ images, procs }: ApiNeeds): Handlers<Names> {
  return {
    pushImage: async ({ request, reply }) => {
      // No parser touches the body of this call: its bytes are taken as they come.
      const { image, isNew } = await images.takeIn(request.raw, callerGone(reply));
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
