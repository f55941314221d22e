import type { SharkuClient } from "../../client/client.ts";
import type { Image } from "../../contract/image.ts";
import { CliError } from "../errors.ts";

/** The image that a digest, or the start of one with or without `sha256:`, means. Errors: CliError. */
export async function findImage(client: SharkuClient, word: string): Promise<Image> {
  const start = word.startsWith("sha256:") ? word : `sha256:${word}`;
  const images = await Array.fromAsync(client.allImages());
  const [first, ...more] = images.filter((image) => image.digest.startsWith(start));
  if (!first)
    throw new CliError(`Cannot find image "${word}": there is none of that digest, see: sharku image ls`);
  if (more.length === 0) return first;
  throw new CliError(
    `Cannot tell which image "${word}" means: ${more.length + 1} begin so, a longer one was wanted`,
  );
}
