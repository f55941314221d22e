import type { ImageFile } from "../../contract/image.ts";
import type { Command, Invocation } from "../command.ts";
import { printJson } from "../output/print.ts";
import { escapeControls } from "../output/sanitize.ts";
import { formatSize } from "../output/units.ts";
import { findImage } from "./find-images.ts";

export const imageFilesCommand: Command = {
  path: ["image", "files"],
  arguments: "DIGEST",
  argumentCount: [1, 1],
  summary: "Tell what is in an image",
  details:
    "A tree on a terminal, elsewhere a line for each with mode, size and path. Links are shown and not followed. " +
    "The start of a digest will do, as long as it is the only one.",
  options: {},
  examples: ["sharku image files 9f86d081", "sharku image files 9f86d081 -q"],
  run: files,
};

const SIZE_WIDTH = 5;

async function files(call: Invocation): Promise<number> {
  const { client, io, json, quiet } = call;
  const { digest } = await findImage(client, call.args[0] ?? "");
  if (json) printJson(io.stdout, await Array.fromAsync(client.allImageFiles(digest)));
  else if (quiet) for await (const file of client.allImageFiles(digest)) io.stdout.write(`${pathOf(file)}\n`);
  else if (io.stdout.isTTY)
    drawTree(
      await Array.fromAsync(client.allImageFiles(digest)),
      (line) => io.stdout.write(`${line}\n`),
      call,
    );
  else for await (const file of client.allImageFiles(digest)) io.stdout.write(`${lineOf(file)}\n`);
  return 0;
}

function lineOf(file: ImageFile): string {
  const kind = { file: "-", directory: "d", link: "l" }[file.type];
  return `${kind} ${file.mode} ${formatSize(file.bytes).padStart(SIZE_WIDTH)} ${pathOf(file)}${arrowOf(file)}`;
}

/** Each directory is followed by what is in it: the daemon lists them so. */
function drawTree(items: readonly ImageFile[], write: (line: string) => void, { paint }: Invocation): void {
  const rows = items.map((file) => ({ file, names: namesOf(file) }));
  const isLast = lastOfTheirs(rows.map(({ names }) => names.length));
  const open: boolean[] = [];
  for (const [index, { file, names }] of rows.entries()) {
    const depth = names.length - 1;
    open.length = depth;
    const indent = open.map((goesOn) => (goesOn ? "│   " : "    ")).join("");
    const branch = isLast[index] ? "└── " : "├── ";
    open[depth] = !isLast[index];
    const name = names.at(-1) ?? "";
    const shown = file.type === "directory" ? paint.stdout("blue", `${name}/`) : `${name}${arrowOf(file)}`;
    const size = file.type === "file" ? `  ${paint.stdout("dim", formatSize(file.bytes))}` : "";
    write(`${indent}${branch}${shown}${size}`);
  }
}

/** Whether each is the last in its directory, by how deep each lies. */
function lastOfTheirs(depths: readonly number[]): boolean[] {
  const seen: boolean[] = [];
  return depths
    .toReversed()
    .map((depth) => {
      seen.length = Math.min(seen.length, depth + 1);
      const isLast = seen[depth] !== true;
      seen[depth] = true;
      return isLast;
    })
    .toReversed();
}

function namesOf({ path, pathBase64 = "" }: ImageFile): string[] {
  if (path !== undefined) return path.split("/").map(escapeControls);
  const names = Buffer.from(pathBase64, "base64").toString("latin1").split("/");
  return names.map((name) => safeBytes(Buffer.from(name, "latin1")));
}

function pathOf(file: ImageFile): string {
  return namesOf(file).join("/");
}

function arrowOf({ target, targetBase64 }: ImageFile): string {
  if (target !== undefined) return ` -> ${escapeControls(target)}`;
  return targetBase64 === undefined ? "" : ` -> ${safeBytes(Buffer.from(targetBase64, "base64"))}`;
}

/** A name that is not UTF-8: what is not ASCII is told as its bytes. */
function safeBytes(name: Uint8Array): string {
  const isPlain = (byte: number) => byte >= 0x20 && byte < 0x7f;
  return [...name]
    .map((byte) => (isPlain(byte) ? String.fromCharCode(byte) : `\\x${byte.toString(16).padStart(2, "0")}`))
    .join("");
}
