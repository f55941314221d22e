import type { Command, Invocation } from "../command.ts";
import { printJson } from "../output/print.ts";
import { formatSize } from "../output/units.ts";
import { openSource } from "./pack.ts";
import { sendImage } from "./send.ts";

export const imagePushCommand: Command = {
  path: ["image", "push"],
  arguments: "DIR|ARCHIVE|-",
  argumentCount: [1, 1],
  summary: "Send an app's directory or archive, to be run later",
  details:
    "A directory is packed without .git and without what .slugignore names; where there is none, without what " +
    ".gitignore names, but for installed dependencies and build results. An archive is tar, plain or compressed by " +
    "gzip, zstd or xz; - reads one from standard input. The same content of a directory is the same image, " +
    "whatever its times and owners.",
  options: {},
  examples: [
    "sharku image push .",
    "sharku image push slug.tar.gz --json",
    "git archive HEAD | sharku image push -",
  ],
  run: push,
};

async function push(call: Invocation): Promise<number> {
  const source = await openSource(call.args[0] ?? "", call.io);
  const image = await sendImage(call, source);
  const { stdout } = call.io;
  if (call.json) printJson(stdout, image);
  else if (call.quiet) stdout.write(`${image.digest}\n`);
  else {
    const processes = Object.keys(image.processes).join(", ") || "none, it has no Procfile";
    stdout.write(`${image.digest}\n`);
    stdout.write(
      `${image.files} ${image.files === 1 ? "file" : "files"}, ${formatSize(image.unpackedBytes)} unpacked, processes: ${processes}\n`,
    );
  }
  return 0;
}
