import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import Type, { type Static } from "typebox";
import { Check } from "typebox/value";
import { Image } from "../contract/image.ts";

/** The file beside an image's files that says what it is: the wire's shape, without what changes with time. */
const ImageFacts = Type.Omit(Image, ["lastUsedAt", "usedBy", "pinned"]);
export type ImageFacts = Static<typeof ImageFacts>;

const NAME = "image.json";

/** Left to the caller to flush, with the files that it tells of. */
export async function writeImageFile(dir: string, image: ImageFacts): Promise<void> {
  await writeFile(join(dir, NAME), `${JSON.stringify(image)}\n`, { flag: "wx", mode: 0o600 });
}

/** Null where there is none, or none that is whole. */
export async function readImageFile(dir: string): Promise<ImageFacts | null> {
  try {
    const image: unknown = JSON.parse(await readFile(join(dir, NAME), "utf8"));
    return Check(ImageFacts, image) ? withBareProcesses(image) : null;
  } catch {
    return null;
  }
}

/** Without a prototype, so that a process called `constructor` is not there unless it is. */
function withBareProcesses(image: ImageFacts): ImageFacts {
  return { ...image, processes: Object.assign(Object.create(null), image.processes) };
}
