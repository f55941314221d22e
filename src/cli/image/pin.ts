import type { Command, Invocation } from "../command.ts";
import { printJson } from "../output/print.ts";
import { findImage } from "./find-images.ts";

export const imagePinCommand: Command = {
  path: ["image", "pin"],
  arguments: "DIGEST...",
  argumentCount: [1, Infinity],
  summary: "Keep images from being removed",
  details: "The start of a digest will do, as long as it is the only one.",
  options: {},
  examples: ["sharku image pin sha256:9f86d081"],
  run: (call) => setPinned(call, true),
};

export const imageUnpinCommand: Command = {
  path: ["image", "unpin"],
  arguments: "DIGEST...",
  argumentCount: [1, Infinity],
  summary: "Let pinned images be removed again",
  options: {},
  examples: ["sharku image unpin 9f86d081"],
  run: (call) => setPinned(call, false),
};

async function setPinned(call: Invocation, pinned: boolean): Promise<number> {
  const { client, io } = call;
  for (const word of call.args) {
    const { digest } = await findImage(client, word);
    const image = await client.patchImage(digest, { pinned });
    if (call.json) printJson(io.stdout, image);
    else
      io.stdout.write(
        call.quiet ? `${digest}\n` : `${digest} is ${pinned ? "pinned" : "pinned no longer"}\n`,
      );
  }
  return 0;
}
