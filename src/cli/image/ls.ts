import type { Image } from "../../contract/image.ts";
import type { Command, Invocation } from "../command.ts";
import { printJson, remark } from "../output/print.ts";
import { type Column, printTable } from "../output/table.ts";
import { formatAge, formatSize } from "../output/units.ts";

/** On a terminal; enough to be told apart, and taken by `image rm`. */
const DIGEST_LENGTH = "sha256:".length + 12;

export const imageLsCommand: Command = {
  path: ["image", "ls"],
  arguments: "",
  argumentCount: [0, 0],
  summary: "List the images kept by the daemon",
  options: {},
  examples: ["sharku image ls", "sharku image ls -q"],
  run: ls,
};

async function ls(call: Invocation): Promise<number> {
  const output = call.io.stdout;
  const images = await Array.fromAsync(call.client.allImages());
  if (call.json) printJson(output, images);
  else if (call.quiet) for (const image of images) output.write(`${image.digest}\n`);
  else if (images.length === 0) remark(call, "No images. Send one with: sharku image push DIR");
  else {
    const nowMs = call.io.now().getTime();
    const length = output.isTTY ? DIGEST_LENGTH : undefined;
    const columns: Column<Image>[] = [
      { title: "DIGEST", cell: (image) => image.digest.slice(0, length) },
      { title: "SIZE", cell: (image) => formatSize(image.bytes) },
      { title: "UNPACKED", cell: (image) => formatSize(image.unpackedBytes) },
      { title: "FILES", cell: (image) => String(image.files) },
      { title: "AGE", cell: (image) => formatAge(nowMs - Date.parse(image.createdAt)) },
      { title: "PROCS", cell: (image) => `${image.usedBy}${image.pinned ? " pinned" : ""}` },
      { title: "LAST USED", cell: (image) => lastUsed(image, nowMs) },
      { title: "PROCESSES", cell: (image) => Object.keys(image.processes).join(",") },
    ];
    printTable(columns, { items: images, output, paint: call.paint.stdout });
  }
  return 0;
}

function lastUsed({ lastUsedAt }: Image, nowMs: number): string {
  return lastUsedAt === null ? "never" : `${formatAge(nowMs - Date.parse(lastUsedAt))} ago`;
}
