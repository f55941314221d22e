import { main } from "../../src/cli/cli.ts";
import { FakeDaemon } from "./daemon.ts";
import { type CapturedIo, captureIo } from "./terminal.ts";

/** A daemon, and the command line to it. */
export async function startCli() {
  const daemon = await FakeDaemon.listen({ port: 0 });
  const begin = (argv: string | string[], options: Parameters<typeof captureIo>[0] = {}) => {
    const io: CapturedIo = captureIo({ ...options, env: { SHARKU_HOST: daemon.baseUrl, ...options.env } });
    const code = main(typeof argv === "string" ? argv.split(" ") : argv, io);
    return { io, code };
  };
  const call = async (argv: string | string[], options: Parameters<typeof captureIo>[0] = {}) => {
    const { io, code } = begin(argv, options);
    const result = await code;
    return { code: result, io, out: io.stdout.text, err: io.stderr.text };
  };
  return { daemon, begin, call, [Symbol.asyncDispose]: () => daemon.close() };
}
