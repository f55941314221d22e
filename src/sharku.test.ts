import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { FakeDaemon } from "../test/fakes/daemon.ts";

const program = join(import.meta.dirname, "sharku.ts");

interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly out: string;
  readonly err: string;
}

function start(argv: readonly string[], host = "") {
  const env = { ...process.env, SHARKU_HOST: host };
  const child = spawn(process.execPath, [program, ...argv], { env, stdio: ["ignore", "pipe", "pipe"] });
  const ended = (async (): Promise<Ended> => {
    const exit = once(child, "close");
    const [out, err] = await Promise.all([text(child.stdout), text(child.stderr)]);
    const [code, signal] = await exit;
    return { code, signal, out, err };
  })();
  return { child, ended };
}

async function until(seen: () => boolean): Promise<void> {
  const deadline = AbortSignal.timeout(10_000);
  while (!seen()) {
    deadline.throwIfAborted();
    await sleep(10);
  }
}

function press(child: ChildProcess): void {
  child.kill("SIGINT");
}

test("sharku --version says the version of package.json", async () => {
  const { code, out, err } = await start(["--version"]).ended;
  assert.deepEqual([code, err], [0, ""]);
  assert.match(out, /^sharku \d+\.\d+\.\d+/);
});

test("sharku serve --help is the daemon's own", async () => {
  const { code, out } = await start(["serve", "--help"]).ended;
  assert.equal(code, 0);
  assert.match(out, /--state-dir/);
});

test("sharku exits with 69 where no daemon listens", async () => {
  const { code, out, err } = await start(["ps", "--socket", "/nowhere.sock"]).ended;
  assert.deepEqual([code, out], [69, ""]);
  assert.match(err, /^sharku: .*start it with: sharku serve\n$/);
});

test("sharku ends quietly when nobody reads its output any more", async () => {
  const daemon = await FakeDaemon.listen({ port: 0 });
  try {
    daemon.addProc({ id: "a" });
    for (let line = 0; line < 5000; line += 1) daemon.addLine("a", "x".repeat(100));
    const env = { ...process.env, SHARKU_HOST: daemon.baseUrl };
    const argv = [program, "logs", "a"];
    const child = spawn(process.execPath, argv, { env, stdio: ["ignore", "pipe", "pipe"] });
    const exit = once(child, "exit");
    child.stdout.once("data", () => child.stdout.destroy());
    const err = await text(child.stderr);
    const [code] = await exit;
    assert.deepEqual([code, err], [0, ""]);
  } finally {
    await daemon.close();
  }
});

test("sharku logs -f ends at Ctrl-C", async () => {
  const daemon = await FakeDaemon.listen({ port: 0 });
  try {
    daemon.addProc({ id: "a" });
    const { child, ended } = start(["logs", "-f", "a"], daemon.baseUrl);
    await until(() => daemon.requests.some(({ url }) => url.includes("follow=true")));
    press(child);
    assert.equal((await ended).signal, "SIGINT");
  } finally {
    await daemon.close();
  }
});

test("sharku run stops the proc at Ctrl-C and exits with 130", async () => {
  const daemon = await FakeDaemon.listen({ port: 0 });
  try {
    const { child, ended } = start(["run", "--", "serve"], daemon.baseUrl);
    await until(() => daemon.requests.some(({ url }) => url.includes("follow=true")));
    press(child);
    const { code, out } = await ended;
    assert.deepEqual([code, out], [130, "goodbye\n"]);
    assert.equal(daemon.entries.get("p001")?.proc.state, "done");
  } finally {
    await daemon.close();
  }
});
