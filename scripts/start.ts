import { parseArgs } from "node:util";
import { SharkuClient } from "../src/client/client.ts";
import { type Daemon, startDaemon } from "./start/daemon.ts";
import { beOnlyOne } from "./start/only-one.ts";
import { followLogs, type RunningSample, removeSamples, startSamples } from "./start/samples.ts";
import { askedToEnd } from "./start/signals.ts";

/**
 * `npm start`: a daemon of its own for trying out, the samples on it, and their addresses on the screen. It
 * stays in the foreground; Ctrl-C gives everything back, a second one ends at once and leaves the rest to the
 * next start. The state is not kept in the clone: procs must be able to search every directory above it.
 */
async function main(args: readonly string[]): Promise<number> {
  const options = readOptions(args);
  await beOnlyOne(options.stateDir);
  const signal = askedToEnd();
  try {
    await using daemon = await startDaemon({ ...options, signal });
    await run(daemon, { ...options, signal });
  } catch (error) {
    if (!signal.aborted) throw error;
  }
  return 0;
}

/** Returns when asked to end, with the samples removed. */
async function run(daemon: Daemon, options: Options & { signal: AbortSignal }): Promise<void> {
  const { signal } = options;
  const client = new SharkuClient({ baseUrl: daemon.baseUrl, token: daemon.token });
  try {
    await removeSamples(client);
    const samples = await startSamples(client, signal);
    console.log(welcome({ samples, ...options, ...daemon }));
    followLogs(client, { samples, signal });
    await Promise.race([daemon.ended, untilAborted(signal)]);
  } finally {
    if (daemon.isAlive()) {
      console.log("start: removing the samples, ending the daemon");
      await removeSamples(client);
    }
  }
}

type Options = ReturnType<typeof readOptions>;

function readOptions(args: readonly string[]) {
  const { values } = parseArgs({
    args: [...args],
    options: {
      "state-dir": { type: "string", default: "/var/lib/sharku-try" },
      "run-dir": { type: "string", default: "/run/sharku-try" },
      // Apart from the default daemon's 10000-19999 and from the kernel's own range.
      "port-range": { type: "string", default: "20000-20999" },
    },
  });
  return {
    stateDir: values["state-dir"],
    runDir: values["run-dir"],
    portRange: values["port-range"],
  };
}

interface Welcome {
  readonly samples: readonly RunningSample[];
  readonly baseUrl: string;
  readonly stateDir: string;
  readonly runDir: string;
}

function welcome({ samples, baseUrl, stateDir, runDir }: Welcome): string {
  const rows = [
    ...samples.map(({ app, url }) => [app, url]),
    ["the API", `${baseUrl}/v1/info, its token is in ${stateDir}/admin.token`],
  ];
  return [
    "",
    ...rows.map(([name = "", text]) => `  ${name.padEnd(12)}${text}`),
    "",
    "  In another terminal:",
    `    export SHARKU_SOCKET=${runDir}/sharku.sock`,
    "    bin/sharku ps",
    "    bin/sharku logs -f guestbook",
    "    bin/sharku run examples/weather --config TOWN=Isengard",
    "",
    "  Ctrl-C ends it all.",
    "",
  ].join("\n");
}

function untilAborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener("abort", () => resolve(), { once: true });
  });
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

const code = await main(process.argv.slice(2)).catch((error: unknown) => {
  console.error(`start: ${messageOf(error)}`);
  return 1;
});
// All is given back by now; a call to a daemon that is not ours may still wait for its answer.
process.exit(code);
