import type { Command, Invocation } from "../command.ts";
import { printJson } from "../output/print.ts";
import { findImage } from "./find-images.ts";

export const imageRmCommand: Command = {
  path: ["image", "rm"],
  arguments: "DIGEST...",
  argumentCount: [1, Infinity],
  summary: "Remove images that no proc uses",
  details: "The start of a digest will do, as long as it is the only one.",
  options: {},
  examples: ["sharku image rm sha256:9f86d081", "sharku image rm 9f86d081"],
  run: rm,
};

async function rm(call: Invocation): Promise<number> {
  const removed: string[] = [];
  for (const word of call.args) {
    const { digest } = await findImage(call.client, word);
    await call.client.deleteImage(digest);
    removed.push(digest);
    if (!call.json) call.io.stdout.write(call.quiet ? `${digest}\n` : `${digest} is removed\n`);
  }
  if (call.json) printJson(call.io.stdout, removed);
  return 0;
}
