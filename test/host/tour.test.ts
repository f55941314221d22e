import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { test } from "node:test";
import { blocksOf, partOf } from "../law/documents.ts";
import { ROOT, readProjectFile } from "../law/project.ts";
import { stretched, until } from "../until.ts";
import { startDaemon } from "./harness.ts";
import { makePlaces, type Places, removePlaces } from "./places.ts";
import { pidsWhere, readProc, signal } from "./processes.ts";

/**
 * The README's tour, run as it stands there, block by block in one shell; only the variables tell its daemon to
 * live elsewhere. A block's output must fit the text block that follows it, where `…` stands for anything.
 */

const TOUR_MS_MAX = stretched(120_000);

/** Printed between the blocks; no program of the tour says that. */
const MARK = "=== next block of the tour ===";

interface TourStep {
  readonly script: string;
  readonly expected: string;
}

test("the five minutes of the README go as they are told, and leave no proc behind", async (context) => {
  const steps = readTour(partOf(readProjectFile("README.md"), "Five minutes"));
  assert.ok(steps.length >= 5);
  const places = await makePlaces();
  context.after(() => clearUp(places));
  const { code, outputs, stderr, left } = await runShell(steps, places);
  for (const [index, { script, expected }] of steps.entries())
    assert.match(
      outputs[index] ?? "(nothing: the tour ended before)",
      patternOf(expected),
      `output of:\n${script}\nstderr of the tour:\n${stderr}`,
    );
  assert.equal(code, 0, stderr);
  assert.deepEqual(left, [], "the tour ends its daemon");

  await using daemon = await startDaemon({ places });
  assert.deepEqual((await daemon.client.listProcs()).items, []);
});

test("the pattern of an expected text takes anything for its dots, and nothing else", () => {
  assert.match("web.1 (abc) is removed\n", patternOf("web.1 (…) is removed\n"));
  assert.match("ID    APP\nx     y\n", patternOf("ID … APP\n… y\n"));
  assert.doesNotMatch("web.1 (abc) is removed\nmore\n", patternOf("web.1 (…) is removed\n"));
  assert.doesNotMatch("web-1 (abc) is removed\n", patternOf("web.1 (…) is removed\n"));
  assert.doesNotMatch("a\nb\n", patternOf("…\n"));
});

/** Each block of commands, with the block of text that follows it. */
function readTour(part: string): TourStep[] {
  const blocks = blocksOf(part);
  return blocks.flatMap(({ language, text }, index): TourStep[] => {
    if (language !== "sh") return [];
    const next = blocks[index + 1];
    assert.equal(next?.language, "text", `this block of the tour tells no output:\n${text}`);
    return [{ script: text, expected: next?.text ?? "" }];
  });
}

/** Blanks around `…` are part of what it stands for: columns are as wide as their longest word. */
function patternOf(expected: string): RegExp {
  const escaped = expected.trimEnd().replaceAll(/[\\^$.*+?()[\]{}|]/g, "\\$&");
  return new RegExp(`^${escaped.replaceAll(/ *… */g, "[^\\n]*")}\\n*$`);
}

async function runShell(steps: readonly TourStep[], places: Places) {
  const script = steps.map((step) => step.script).join(`\necho '${MARK}'\n`);
  const child = spawn("sh", ["-eu", "-c", script], {
    cwd: ROOT,
    env: { ...process.env, ...variablesOf(places) },
    stdio: ["ignore", "pipe", "pipe"],
    timeout: TOUR_MS_MAX,
    killSignal: "SIGKILL",
  });
  const text = { stdout: "", stderr: "" };
  child.stdout.setEncoding("utf8").on("data", (chunk: string) => {
    text.stdout += chunk;
  });
  child.stderr.setEncoding("utf8").on("data", (chunk: string) => {
    text.stderr += chunk;
  });
  const closed = once(child, "close");
  const [code]: unknown[] = await once(child, "exit");
  // A daemon that a failed tour has left would hold the pipes open.
  const left = await daemonsIn(places);
  for (const pid of left) signal(pid, "SIGKILL");
  await closed;
  return { code, outputs: text.stdout.split(`${MARK}\n`), stderr: text.stderr, left };
}

function variablesOf({ stateDir, runDir, socket, listenPort, firstPort, lastPort }: Places) {
  return {
    SHARKU_STATE_DIR: stateDir,
    SHARKU_RUN_DIR: runDir,
    SHARKU_SOCKET: socket,
    SHARKU_LISTEN: `127.0.0.1:${listenPort}`,
    SHARKU_PORT_RANGE: `${firstPort}-${lastPort}`,
    // The tour keeps the daemon's log in a file of its own.
    TMPDIR: runDir,
  };
}

/** Whatever the tour has left is found again by a daemon on its directories, which ends it. */
async function clearUp(places: Places): Promise<void> {
  await until("the tour's daemon is gone", async () => {
    const pids = await daemonsIn(places);
    for (const pid of pids) signal(pid, "SIGKILL");
    return pids.length === 0;
  });
  const daemon = await startDaemon({ places });
  await daemon[Symbol.asyncDispose]();
  await removePlaces(places);
}

/** The daemons that were told to live there; their procs have an environment of their own. */
async function daemonsIn({ stateDir }: Places): Promise<number[]> {
  return await pidsWhere(async (pid) => {
    if (pid === process.pid) return false;
    const variables = (await readProc(pid, "environ")).split("\0");
    const words = (await readProc(pid, "cmdline")).split("\0");
    return variables.includes(`SHARKU_STATE_DIR=${stateDir}`) && words.includes("serve");
  });
}
