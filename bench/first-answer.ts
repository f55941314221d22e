import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { get } from "node:http";
import { join } from "node:path";
import { pause } from "../src/lib/clock.ts";
import { runCommand } from "../src/lib/run-command.ts";
import { type Contender, measureInTurns, timed } from "./measure.ts";
import { freePort, type OwnDaemon } from "./own-daemon.ts";
import type { Comparison } from "./table.ts";

const PROGRAMS_DIR = join(import.meta.dirname, "programs");
/** With its path: what the caller's PATH finds first may be another one, or a wrapper. */
const ARGV = ["/usr/bin/python3", "static-server.py"];
const ANSWER_MS_MAX = 30_000;
const POLL_MS = 1;

/** From the wish for a server to its first page: as a proc with an image, and by hand. */
export async function firstAnswer(
  daemon: OwnDaemon,
  options: { readonly runs: number; readonly signal: AbortSignal },
): Promise<Comparison> {
  const image = await pushPrograms(daemon);
  const series = await measureInTurns([asProc(daemon, image), byHand()], options);
  return {
    title: "First answer of a tiny static server",
    relation: "ratio",
    series,
    notes: [`Both are asked anew every ${POLL_MS} ms until they answer 200. By hand nothing is confined.`],
  };
}

async function pushPrograms({ client }: OwnDaemon): Promise<string> {
  const { stdout } = await runCommand(["tar", "-c", "-C", PROGRAMS_DIR, "--owner=0", "--group=0", "."]);
  const { digest } = await client.pushImage(new TextEncoder().encode(stdout));
  return digest;
}

function asProc({ client, remove }: OwnDaemon, image: string): Contender {
  return {
    name: "Sharku",
    what: "POST /v1/procs until the published port answers 200",
    once: async () => {
      let id = "";
      const ms = await timed(async () => {
        const proc = await client.createProc({ app: "bench", name: "web", image, command: ARGV });
        id = proc.id;
        if (proc.port === null) throw new Error(`Cannot ask proc "${id}": it has no port`);
        await untilAnswers(proc.port);
      });
      await remove(id);
      return ms;
    },
  };
}

function byHand(): Contender {
  return {
    name: "by hand",
    what: `${ARGV.join(" ")} spawned on the host, until it answers 200`,
    once: async () => {
      const port = await freePort();
      let child: ChildProcess | null = null;
      try {
        return await timed(async () => {
          child = spawnServer(port);
          await untilAnswers(port);
        });
      } finally {
        await endServer(child);
      }
    },
  };
}

function spawnServer(port: number): ChildProcess {
  const [program = "", ...args] = ARGV;
  // In a session of its own: a Ctrl-C is for us, and we end it.
  return spawn(program, args, {
    cwd: PROGRAMS_DIR,
    detached: true,
    stdio: "ignore",
    env: { PATH: "/usr/bin:/bin", PORT: String(port) },
  });
}

async function endServer(child: ChildProcess | null): Promise<void> {
  if (child === null || child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, "exit");
  child.kill("SIGKILL");
  await ended;
}

async function untilAnswers(port: number): Promise<void> {
  const deadline = performance.now() + ANSWER_MS_MAX;
  while (!(await answers(port))) {
    if (performance.now() > deadline)
      throw new Error(`Cannot reach port ${port}: no answer in ${ANSWER_MS_MAX / 1000} s`);
    await pause(POLL_MS);
  }
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const request = get({ host: "127.0.0.1", port, agent: false }, (response) => {
      response.resume();
      response.on("end", () => resolve(response.statusCode === 200));
      response.on("error", () => resolve(false));
    });
    request.on("error", () => resolve(false));
  });
}
