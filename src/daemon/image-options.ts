import { parseDuration, parseSize } from "../cli/output/units.ts";
import { defaultImageLimits, type ImageLimits } from "../images/needs.ts";
import { CannotStart } from "../lib/cannot-start.ts";

/** What the daemon is told of images. */
export type ImageOptions = Pick<ImageLimits, "bytesMax" | "filesMax" | "water" | "keptMsMin">;

type Name = "image-bytes" | "image-files" | "image-water" | "image-grace";

const BYTES_MIN = 1024;
const FILES_MAX = 100_000_000;

/** `pick` answers with the option's text, or the default given. Errors: CannotStart. */
export function parseImageOptions(pick: (name: Name, fallback: string) => string): ImageOptions {
  return {
    bytesMax: parseBytes(pick("image-bytes", "1G")),
    filesMax: parseFiles(pick("image-files", "200000")),
    water: parseWater(pick("image-water", "85-80")),
    keptMsMin: parseGrace(pick("image-grace", "10m")),
  };
}

/** The limits of the images room. An archive may be as large as what is in it. */
export function imageLimits(options: ImageOptions): ImageLimits {
  const uploadBytesMax = Math.max(defaultImageLimits.uploadBytesMax, options.bytesMax);
  return { ...defaultImageLimits, ...options, uploadBytesMax };
}

function parseBytes(text: string): number {
  const bytes = parseSize(text);
  if (bytes !== null && bytes >= BYTES_MIN) return bytes;
  throw new CannotStart(`Cannot use --image-bytes "${text}": wanted a size from 1K on, like 512M or 2G`);
}

function parseFiles(text: string): number {
  const files = Number(text);
  if (/^\d+$/.test(text) && files >= 1 && files <= FILES_MAX) return files;
  throw new CannotStart(
    `Cannot use --image-files "${text}": wanted a number from 1 to ${FILES_MAX}, like 200000`,
  );
}

function parseWater(text: string): ImageOptions["water"] {
  const [, first, second] = /^(\d+)%?-(\d+)%?$/.exec(text) ?? [];
  const [high, low] = [Number(first), Number(second)];
  if (high <= 100 && low <= high) return { high: high / 100, low: low / 100 };
  throw new CannotStart(
    `Cannot use --image-water "${text}": wanted two parts of a hundred, the higher one first, like 85-80`,
  );
}

function parseGrace(text: string): number {
  const ms = parseDuration(text);
  if (ms !== null) return ms;
  throw new CannotStart(`Cannot use --image-grace "${text}": wanted a time such as 10m, 90s or 0`);
}
