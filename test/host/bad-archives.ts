import { gzipSync } from "node:zlib";
import { PROGRAMS, packDirectory } from "./archive.ts";

/** Archives that no tar would write, member by member: POSIX.1-1988 ustar. */

const BLOCK = 512;

export interface Member {
  readonly name: string;
  /** As the header has it: 0 file, 1 hard link, 2 symbolic link, 3 and 4 devices, 5 directory, 6 FIFO. */
  readonly type?: "0" | "1" | "2" | "3" | "4" | "5" | "6";
  readonly link?: string;
  readonly content?: string;
  readonly mode?: number;
}

export function tarOf(members: readonly Member[]): Buffer {
  return Buffer.concat([...members.map(blocksOf), Buffer.alloc(2 * BLOCK)]);
}

function blocksOf({ name, type = "0", link = "", content = "", mode = 0o644 }: Member): Buffer {
  const header = Buffer.alloc(BLOCK);
  const size = Buffer.byteLength(content);
  header.write(name, 0);
  header.write(octal(mode, 7), 100);
  header.write(octal(0, 7), 108);
  header.write(octal(0, 7), 116);
  header.write(octal(size, 11), 124);
  header.write(octal(0, 11), 136);
  header.write("        ", 148);
  header.write(type, 156);
  header.write(link, 157);
  header.write("ustar\x0000", 257, "latin1");
  header.write(octal(1, 7), 329);
  header.write(octal(3, 7), 337);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${octal(sum, 6)}\0 `, 148, "latin1");
  const body = Buffer.alloc(Math.ceil(size / BLOCK) * BLOCK);
  body.write(content);
  return Buffer.concat([header, body]);
}

function octal(value: number, digits: number): string {
  return value.toString(8).padStart(digits, "0");
}

/** Each with what the answer must be. */
export async function badArchives(): Promise<
  readonly (readonly [title: string, bytes: Uint8Array, status: number, code: string])[]
> {
  const file = { name: "file", content: "hello\n" };
  const good = await packDirectory(PROGRAMS);
  const hostile = (members: readonly Member[]) => [tarOf(members), 422, "bad-archive"] as const;
  return [
    ["a member above", ...hostile([file, { name: "../evil", content: "x" }])],
    ["a member above, in the middle", ...hostile([{ name: "a/../../evil", content: "x" }])],
    ["an absolute member", ...hostile([{ name: "/evil", content: "x" }])],
    [
      "a file through a link",
      ...hostile([
        { name: "up", type: "2", link: "../../.." },
        { name: "up/evil", content: "x" },
      ]),
    ],
    [
      "a file through a link to /etc",
      ...hostile([
        { name: "etc", type: "2", link: "/etc" },
        { name: "etc/evil", content: "x" },
      ]),
    ],
    ["a hard link to a file of the system", ...hostile([{ name: "shadow", type: "1", link: "/etc/shadow" }])],
    ["a character device", ...hostile([{ name: "null", type: "3" }])],
    ["a block device", ...hostile([{ name: "disk", type: "4" }])],
    ["a FIFO", ...hostile([{ name: "pipe", type: "6" }])],
    ["a Procfile that is a link", ...hostile([{ name: "Procfile", type: "2", link: "/etc/passwd" }])],
    ["a Procfile without sense", ...hostile([{ name: "Procfile", content: "no colon here\n" }])],
    ["gzip cut short", good.subarray(0, good.length / 2), 422, "bad-archive"],
    ["gzip with a byte turned", turned(good), 422, "bad-archive"],
    ["gzip of no tar", gzipSync("hello"), 422, "bad-archive"],
    [
      "tar cut short",
      tarOf([{ name: "file", content: "x".repeat(5000) }]).subarray(0, 2048),
      422,
      "bad-archive",
    ],
    ["an HTML page", Buffer.from("<!doctype html><title>Not found</title>"), 415, "unsupported-archive"],
    ["a zip file", Buffer.from("504b0304140000000800", "hex"), 415, "unsupported-archive"],
    ["nothing", Buffer.alloc(0), 415, "unsupported-archive"],
  ];
}

/** One bit of the compressed data, so that the sum at the end is wrong. */
function turned(bytes: Uint8Array): Uint8Array {
  const copy = Uint8Array.from(bytes);
  const at = copy.length - 6;
  copy[at] = (copy[at] ?? 0) ^ 1;
  return copy;
}
