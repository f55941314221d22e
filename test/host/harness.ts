import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { makeFetch } from "../../src/cli/socket-fetch.ts";
import { SharkuClient } from "../../src/client/client.ts";
import { stretched, until } from "../until.ts";
import { makePlaces, type Places, removePlaces } from "./places.ts";
import { signal } from "./processes.ts";
import { sweepAbandoned, sweepByHand } from "./sweep.ts";

/** A real daemon, on directories and ports of its own; what it leaves on the host is cleared away at the end. */

const ROOT = join(import.meta.dirname, "../..");
const READY_MS_MAX = stretched(30_000);
const END_MS_MAX = stretched(20_000);
const POLL_MS = stretched(10);

export interface DaemonOptions {
  /** Where it is to live instead of in new places; the caller then removes them. */
  readonly places?: Places;
  /** Besides the test's own environment. */
  readonly env?: Readonly<Record<string, string>>;
  /** An open file that it is given beyond what it needs, and does not know of. */
  readonly extraFile?: number;
  /** What its command line begins with: a program that changes its surroundings and runs it. */
  readonly wrapper?: readonly string[];
}

type Extras = Omit<DaemonOptions, "places">;

export async function startDaemon({ places, ...extras }: DaemonOptions = {}): Promise<TestDaemon> {
  await sweepAbandoned();
  const daemon = new TestDaemon(places ?? (await makePlaces()), {
    ownsPlaces: places === undefined,
    extras,
  });
  try {
    await daemon.start();
    return daemon;
  } catch (error) {
    await daemon[Symbol.asyncDispose]();
    throw error;
  }
}

/** Starts a daemon that is expected to refuse, and answers with its exit code and words. */
export async function startRefused(
  args: readonly string[],
): Promise<{ code: number | null; stderr: string }> {
  const child = spawnDaemon(args);
  const log = collect(child);
  const code = await exitOf(child);
  return { code, stderr: log.text() };
}

export function argumentsOf(places: Places): string[] {
  const { stateDir, runDir, listenPort, firstPort, lastPort } = places;
  return [
    ...["--state-dir", stateDir, "--run-dir", runDir, "--listen", `127.0.0.1:${listenPort}`],
    ...["--port-range", `${firstPort}-${lastPort}`],
  ];
}

export class TestDaemon implements AsyncDisposable {
  readonly places: Places;
  readonly client: SharkuClient;
  readonly baseUrl: string;
  readonly #ownsPlaces: boolean;
  readonly #extras: Extras;
  #child: ChildProcess | null = null;
  #log: { text: () => string } = { text: () => "" };

  constructor(places: Places, { ownsPlaces, extras }: { ownsPlaces: boolean; extras: Extras }) {
    this.places = places;
    this.#ownsPlaces = ownsPlaces;
    this.#extras = extras;
    this.baseUrl = `http://127.0.0.1:${places.listenPort}`;
    this.client = new SharkuClient({
      baseUrl: "http://localhost",
      fetch: makeFetch({ socketPath: places.socket }),
    });
  }

  get pid(): number {
    assert(this.#child?.pid !== undefined, "the daemon does not run");
    return this.#child.pid;
  }

  get isAlive(): boolean {
    return this.#child !== null && this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** What it has logged since its last start. */
  log(): string {
    return this.#log.text();
  }

  async token(): Promise<string> {
    return (await readFile(join(this.places.stateDir, "admin.token"), "utf8")).trim();
  }

  async start(): Promise<void> {
    assert(!this.isAlive, "the daemon runs already");
    this.#child = spawnDaemon(argumentsOf(this.places), this.#extras);
    this.#log = collect(this.#child);
    await this.#untilReady();
  }

  /** As a crash: nothing of it is told to the daemon. */
  async kill9(): Promise<void> {
    assert(this.isAlive);
    signal(this.pid, "SIGKILL");
    await this.#ended();
  }

  /** Ends it by SIGTERM; the procs run on. */
  async stop(): Promise<void> {
    assert(this.isAlive);
    signal(this.pid, "SIGTERM");
    assert.equal(await this.#ended(), 0, `it ended otherwise, its log:\n${this.log()}`);
  }

  /** Deletes every proc and waits until none is left. */
  async deleteAll(graceMs = 0): Promise<void> {
    for await (const { id } of this.client.allProcs()) await this.client.deleteProc(id, { graceMs });
    await until("every proc is gone", async () => (await this.client.listProcs()).items.length === 0);
  }

  /** Whatever state the test has left it in: nothing of it stays on the host. */
  async [Symbol.asyncDispose](): Promise<void> {
    try {
      if (!this.isAlive) await this.start();
      await this.deleteAll();
      await this.stop();
    } catch (error) {
      if (this.isAlive) await this.kill9();
      await sweepByHand(this.places);
      console.error(`the daemon could not clear up: ${error}; its log:\n${this.log()}`);
    } finally {
      if (this.#ownsPlaces) await removePlaces(this.places);
    }
  }

  async #untilReady(): Promise<void> {
    const deadline = performance.now() + READY_MS_MAX;
    while (performance.now() < deadline && this.isAlive) {
      const health = await this.client.ready().catch(() => null);
      if (health?.status === "ok") return;
      await sleep(POLL_MS);
    }
    throw new Error(`Cannot start the daemon: it was not ready in time, its log:\n${this.log()}`);
  }

  async #ended(): Promise<number | null> {
    assert(this.#child !== null);
    return await exitOf(this.#child);
  }
}

function spawnDaemon(
  args: readonly string[],
  { env = {}, extraFile, wrapper = [] }: Extras = {},
): ChildProcess {
  const [program = "", ...rest] = [...wrapper, join(ROOT, "bin/sharku"), "serve", ...args];
  return spawn(program, rest, {
    stdio: ["ignore", "inherit", "pipe", ...(extraFile === undefined ? [] : [extraFile])],
    // A Ctrl-C at the terminal is for the test.
    detached: true,
    env: { ...process.env, SHARKU_LOG_LEVEL: "info", ...env },
  });
}

function collect(child: ChildProcess): { text: () => string } {
  const chunks: Buffer[] = [];
  child.stderr?.on("data", (chunk: Buffer) => chunks.push(chunk));
  return { text: () => Buffer.concat(chunks).toString("utf8") };
}

/** The code it ended with, null where a signal ended it. One that does not end is killed, and the test fails. */
async function exitOf(child: ChildProcess): Promise<number | null> {
  if (child.exitCode !== null || child.signalCode !== null) return child.exitCode;
  const late = new AbortController();
  const ended = once(child, "close").then(([code]) => ({ code }));
  const result = await Promise.race([
    ended,
    sleep(END_MS_MAX, null, { signal: late.signal }).catch(() => null),
  ]);
  late.abort();
  if (result !== null) return result.code;
  child.kill("SIGKILL");
  await ended;
  return assert.fail(`the daemon did not end in ${END_MS_MAX} ms`);
}
