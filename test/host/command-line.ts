import { main } from "../../src/cli/cli.ts";
import { type CapturedIo, captureIo } from "../fakes/terminal.ts";
import type { TestDaemon } from "./harness.ts";

export type CallOptions = Parameters<typeof captureIo>[0];

/** The command line of a daemon; one text is parted at its blanks. */
export function commandLineOf(daemon: TestDaemon) {
  const begin = (
    words: string | readonly string[],
    options: CallOptions = {},
  ): { io: CapturedIo; code: Promise<number> } => {
    const io = captureIo({ ...options, env: { SHARKU_SOCKET: daemon.places.socket, ...options.env } });
    return { io, code: main(typeof words === "string" ? words.split(" ") : words, io) };
  };
  const call = async (words: string | readonly string[], options: CallOptions = {}) => {
    const { io, code } = begin(words, options);
    return { code: await code, io, out: io.stdout.text, err: io.stderr.text };
  };
  return { begin, call };
}
