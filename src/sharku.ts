import { readFile } from "node:fs/promises";
import { enableCompileCache } from "node:module";
import { userInfo } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Io } from "./cli/io.ts";
import { systemClock } from "./lib/clock.ts";

/** The one entry of the program: the client commands, and by `serve` the daemon. */

// Halves the time until a command does its work. What Node compiled last is kept in the home that the user
// database names: never in the shared /tmp, nor where a foreign HOME points, since it is executed as it is.
enableCompileCache(join(userInfo().homedir, ".cache", "sharku"));

const io: Io = {
  stdout: process.stdout,
  stderr: process.stderr,
  stdin: () => process.stdin,
  env: process.env,
  cwd: process.cwd(),
  now: systemClock.now,
  sleep: (ms) => sleep(ms),
  onInterrupt,
  serve: async (argv) => {
    const daemon = await import("./daemon/main.ts");
    return daemon.main(argv);
  },
  version: readVersion,
};

function onInterrupt(listener: () => void): () => void {
  const signals = ["SIGINT", "SIGTERM"] as const;
  for (const signal of signals) process.on(signal, listener);
  return () => {
    for (const signal of signals) process.off(signal, listener);
  };
}

/** From package.json, which lies one above this file in a clone and in the package alike. */
async function readVersion(): Promise<string> {
  const text = await readFile(new URL("../package.json", import.meta.url), "utf8");
  const manifest: { version?: unknown } = JSON.parse(text);
  return String(manifest.version);
}

/** `sharku logs shop | head` closes the pipe when it has seen enough: that is no error. */
function endQuietlyOnClosedPipe(stream: NodeJS.WriteStream): void {
  stream.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code !== "EPIPE") throw error;
    process.exit();
  });
}

const argv = process.argv.slice(2);
if (argv[0] !== "serve") {
  endQuietlyOnClosedPipe(process.stdout);
  endQuietlyOnClosedPipe(process.stderr);
}
const { main } = await import("./cli/cli.ts");
process.exitCode = await main(argv, io);
// Whatever a daemon still waits for when it has given its directory back, it must not act on it any more.
if (argv[0] === "serve") process.exit();
