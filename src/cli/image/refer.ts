import { stat } from "node:fs/promises";
import { basename, resolve } from "node:path";
import type { Image } from "../../contract/image.ts";
import type { ImageRef } from "../../contract/proc.ts";
import type { Invocation } from "../command.ts";
import { UsageError } from "../errors.ts";
import { findImage } from "./find-images.ts";

/** An image that nothing has to be sent for: one that is stored already, or one that the daemon is to fetch. */
export interface Reference {
  readonly ref: ImageRef;
  /** What is known of it; null before it is fetched. */
  readonly image: Image | null;
  readonly title: string;
}

/** What a word means as an image, or null where it is the path of a directory or an archive. */
export async function findReference(call: Invocation, word: string): Promise<Reference | null> {
  const sha256 = call.options.text("sha256");
  if (/^https?:\/\//.test(word)) return { ref: refOf(word, sha256), image: null, title: titleOf(word) };
  if (/^[a-z][a-z0-9+.-]*:\/\//i.test(word))
    throw new UsageError(
      `Cannot fetch "${word}": an address such as https://example.org/app.tar.gz was wanted`,
    );
  if (sha256 !== undefined)
    throw new UsageError(
      `Cannot take --sha256 with "${word}": it is for an image that is fetched by its URL`,
    );
  if (!/^sha256:[0-9a-f]+$/.test(word) && !(await isBareDigest(word, call.io.cwd))) return null;
  const image = await findImage(call.client, word);
  return { ref: image.digest, image, title: "app" };
}

/** As `image ls` shows them, unless something of that name is there. */
async function isBareDigest(word: string, cwd: string): Promise<boolean> {
  if (!/^[0-9a-f]{8,64}$/.test(word)) return false;
  return await stat(resolve(cwd, word)).then(
    () => false,
    () => true,
  );
}

function refOf(url: string, sha256: string | undefined): ImageRef {
  if (!URL.canParse(url))
    throw new UsageError(`Cannot fetch "${url}": it is no URL, http://host/app.tar.gz was wanted`);
  if (sha256 === undefined) return url;
  if (!/^(sha256:)?[0-9a-f]{64}$/.test(sha256))
    throw new UsageError(`Cannot take --sha256 "${sha256}": 64 hexadecimal digits were wanted`);
  return { url, sha256 };
}

function titleOf(url: string): string {
  return basename(new URL(url).pathname).replace(/(\.tar)?\.(tar|gz|tgz|zst|tzst|xz|txz)$/, "");
}
