import type { Image } from "../../contract/image.ts";
import type { ImageProgress } from "../../contract/image-progress.ts";
import type { Invocation } from "../command.ts";
import { remark } from "../output/print.ts";
import { Progress } from "../output/progress.ts";
import { escapeControls } from "../output/sanitize.ts";
import { tellLeftOut } from "./list-tree.ts";
import { planPacking, readArchive, type Source } from "./pack.ts";

/** Sends an app to the daemon and shows how far it is. */
export async function sendImage(call: Invocation, source: Source, signal?: AbortSignal): Promise<Image> {
  const { client, io, paint } = call;
  const quiet = call.quiet || call.json;
  // A directory may be called anything.
  const title = escapeControls(source.title);
  const packing = await planPacking(source);
  const told = packing.tree === null ? null : tellLeftOut(packing.tree);
  if (told !== null) remark(call, `sharku: ${told}`);
  const totalBytes = packing.bytes;
  const progress = new Progress({
    io,
    paint: paint.stderr,
    quiet,
    title: `Sending ${title}`,
    totalBytes,
  });
  const bytes = tellEnd(
    readArchive(source, { packing, env: io.env, warn: (text) => remark(call, `sharku: ${text}`) }),
    () => progress.say(`Unpacking ${title}, in a sandbox …`),
  );
  try {
    const body = ReadableStream.from(bytes);
    const image = await client.pushImage(body, {
      onProgress: (sent) => progress.update(sent),
      // Only a terminal has a place where it is seen.
      onArrival: quiet || !io.stderr.isTTY ? undefined : (arrival) => progress.say(tellArrival(arrival)),
      signal,
    });
    progress.finish(`Sent ${title}`);
    return image;
  } catch (error) {
    progress.clear();
    throw error;
  }
}

/** What goes on after the last byte; before it, the bar says more. */
function tellArrival({ phase, files }: ImageProgress): string {
  if (phase === "unpacking") return `Unpacking in a sandbox, ${files} files so far …`;
  return phase === "storing" ? `Making ${files} files safe on the disk …` : "";
}

async function* tellEnd(
  bytes: AsyncIterable<Uint8Array>,
  atEnd: () => void,
): AsyncGenerator<Uint8Array, void> {
  yield* bytes;
  atEnd();
}
