import { SharkuError } from "../contract/errors.ts";
import type { Command } from "../contract/proc.ts";
import type { Images, StoredImage } from "./needs.ts";
import type { FullSpec, Program } from "./record.ts";

/**
 * What a proc is to run, now that its image is here. Errors: `invalid-request` where there is nothing to run,
 * `unknown-process`.
 */
export function programOf(
  spec: Pick<FullSpec, "command" | "process">,
  image: Pick<StoredImage, "digest" | "processes"> | null,
): Program {
  return { digest: image?.digest ?? null, command: spec.command ?? commandOf(spec.process, image) };
}

/**
 * What it is to run, where that is known before anything is fetched; null otherwise. Errors: as `programOf`, and
 * `invalid-request` where nothing is asked for.
 */
export function programAtHand(spec: FullSpec, images: Pick<Images, "find">): Program | null {
  if (spec.image === null) return programOf(spec, null);
  const image = spec.imageSha256 === null ? null : images.find(spec.imageSha256);
  if (image !== null) return programOf(spec, image);
  if (spec.command === null && spec.process === null) return programOf(spec, null);
  return null;
}

function commandOf(process: string | null, image: Pick<StoredImage, "processes"> | null): Command {
  if (process === null) {
    throw fault(
      "invalid-request",
      "/command",
      "Cannot run nothing: give a command, or a process of the image's Procfile",
    );
  }
  const known = image?.processes ?? {};
  if (Object.hasOwn(known, process)) return String(known[process]);
  const names = Object.keys(known);
  const found =
    image === null
      ? "there is no image"
      : names.length === 0
        ? "the image has no Procfile"
        : `its Procfile has ${names.join(", ")}`;
  throw fault("unknown-process", "/process", `Cannot find process "${process}": ${found}`);
}

function fault(code: SharkuError["code"], pointer: string, detail: string): SharkuError {
  return new SharkuError(code, detail, { faults: [{ pointer, detail }] });
}
