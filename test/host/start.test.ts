import assert from "node:assert/strict";
import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { once } from "node:events";
import { chmod, mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { stretched } from "../until.ts";

/** `npm start`, as a newcomer runs it, on directories of the test's own. */
const ROOT = join(import.meta.dirname, "../..");
const START_MS_MAX = stretched(90_000);
const END_MS_MAX = stretched(60_000);
const POLL_MS = stretched(100);

test("npm start shows both samples, ends at Ctrl-C with code 0 and leaves nothing running", async (context) => {
  const dirs = await makeDirs(context);
  const start = npmStart(dirs, context);
  for (const [app, page] of [
    ["guestbook", /Welcome, you are visitor/],
    ["weather", /in Barad-dur/],
  ] as const) {
    const url = await start.says(new RegExp(`^ +${app} +(http://127\\.0\\.0\\.1:\\d+)$`, "m"));
    assert.match(await (await fetch(url)).text(), page);
  }
  await start.says(/^(guestbook\.web) +\| visit 1$/m);
  // As a terminal does it: to everybody in the foreground.
  start.signalAll("SIGINT");
  assert.equal(await start.code(), 0, start.output());
  assert.deepEqual(await processesNaming(dirs.stateDir), []);
});

test("npm start clears away what a killed one has left, and refuses beside a living one", async (context) => {
  const dirs = await makeDirs(context);
  const killed = npmStart(dirs, context);
  await killed.says(/^ +(guestbook) +http/m);
  const second = npmStart(dirs, context);
  await second.says(/(another npm start runs there)/);
  assert.equal(await second.code(), 1);
  killed.signalAll("SIGKILL");
  await killed.code();
  assert.notDeepEqual(await processesNaming(dirs.stateDir), [], "the killed one left its daemon and procs");

  const start = npmStart(dirs, context);
  const url = await start.says(/^ +guestbook +(http:.*)$/m);
  assert.equal((await fetch(url)).status, 200);
  start.signalAll("SIGTERM");
  assert.equal(await start.code(), 0, start.output());
  assert.deepEqual(await processesNaming(dirs.stateDir), []);
});

interface Dirs {
  readonly stateDir: string;
  readonly runDir: string;
}

/** Not below /tmp: that is a tmpfs on many hosts. */
async function makeDirs(context: TestContext): Promise<Dirs> {
  const dirs = {
    stateDir: await mkdtemp("/var/lib/sharku-start-"),
    runDir: await mkdtemp("/run/sharku-start-"),
  };
  for (const dir of Object.values(dirs)) await chmod(dir, 0o711);
  context.after(async () => {
    for (const pid of await processesNaming(dirs.stateDir)) process.kill(pid, "SIGKILL");
    for (const dir of Object.values(dirs)) await rm(dir, { recursive: true, force: true });
  });
  return dirs;
}

function npmStart({ stateDir, runDir }: Dirs, context: TestContext) {
  const args = ["--state-dir", stateDir, "--run-dir", runDir, "--port-range", "21000-21099"];
  const child = spawn("npm", ["start", "--", ...args], { cwd: ROOT, detached: true });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.on("data", (chunk) => {
      output += chunk;
    });
  }
  const closed = once(child, "close");
  const signalAll = (signal: NodeJS.Signals) => signalGroup(child, signal);
  context.after(() => signalAll("SIGKILL"));
  return {
    signalAll,
    output: () => output,
    /** The first thing in brackets of what it has then said. */
    says: async (wanted: RegExp): Promise<string> => {
      const deadline = performance.now() + START_MS_MAX;
      while (performance.now() < deadline) {
        const found = wanted.exec(output)?.[1];
        if (found !== undefined) return found;
        if (child.exitCode !== null) break;
        await sleep(POLL_MS);
      }
      return assert.fail(`it never said ${wanted}, but:\n${output}`);
    },
    code: async (): Promise<unknown> => {
      const late = sleep(END_MS_MAX, ["no end"], { ref: false });
      const [code] = await Promise.race([closed, late]);
      return code;
    },
  };
}

/** npm leads a group of its own, as a terminal's foreground group. */
function signalGroup({ pid }: ChildProcessWithoutNullStreams, signal: NodeJS.Signals): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, signal);
  } catch {
    // All of it has ended.
  }
}

async function processesNaming(path: string): Promise<number[]> {
  const pids = (await readdir("/proc")).filter((name) => /^\d+$/.test(name)).map(Number);
  const lines = await Promise.all(
    pids.map(async (pid) => [pid, await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "")] as const),
  );
  return lines.filter(([, line]) => line.includes(path)).map(([pid]) => pid);
}
