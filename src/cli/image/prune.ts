import type { Command, Invocation } from "../command.ts";
import { printJson, remark } from "../output/print.ts";
import { formatSize } from "../output/units.ts";

export const imagePruneCommand: Command = {
  path: ["image", "prune"],
  arguments: "",
  argumentCount: [0, 0],
  summary: "Remove images that no proc has",
  details:
    "Without --all only where the disk is getting full, those unused for longest first and none of the last ten " +
    "minutes, as the daemon does by itself. Pinned images stay.",
  options: {
    all: { type: "boolean", help: "every image that no proc has" },
    "dry-run": { type: "boolean", short: "n", help: "tell what would go, and remove nothing" },
  },
  examples: ["sharku image prune --all --dry-run", "sharku image prune --all"],
  run: prune,
};

async function prune(call: Invocation): Promise<number> {
  const { client, io, options } = call;
  const dryRun = options.flag("dry-run");
  const pruned = await client.pruneImages({ all: options.flag("all"), dryRun });
  if (call.json) {
    printJson(io.stdout, pruned);
    return 0;
  }
  for (const { digest } of pruned.images)
    io.stdout.write(call.quiet ? `${digest}\n` : `${digest} ${dryRun ? "would be" : "is"} removed\n`);
  const count = pruned.images.length;
  const size = formatSize(pruned.unpackedBytes);
  if (count === 0) remark(call, options.flag("all") ? "No image is free to go" : await whyNone(call));
  else
    remark(
      call,
      `${count} ${count === 1 ? "image" : "images"}, ${size} ${dryRun ? "would be" : "are"} freed`,
    );
  return 0;
}

/** A disk that is too full keeps its images too, where all are held or young. */
async function whyNone({ client }: Invocation): Promise<string> {
  const { shortage } = (await client.df()).collection;
  return shortage ?? "The disk has room, so no image has to go";
}
