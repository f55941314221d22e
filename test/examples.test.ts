import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { cp, mkdtemp, readFile, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";

/** The samples, run by themselves as their Procfile says, before Sharku runs them in the host's tests. */
const DEADLINE_MS = 15_000;
const samples = [
  {
    app: "guestbook",
    config: { GREETING: "Good <morning>" },
    shows: "Good &#60;morning&#62;, you are visitor",
  },
  { app: "weather", config: { TOWN: "Minas <Morgul>" }, shows: "in Minas &lt;Morgul&gt;" },
];

for (const { app, config, shows } of samples) {
  test(`examples/${app} web answers on PORT and ends with a goodbye`, async (context) => {
    const port = await freePort();
    const web = await runSample({ app, process: "web", env: { ...config, PORT: `${port}` }, context });
    await web.says(/listens on port/);
    const url = `http://127.0.0.1:${port}`;
    assert.equal(await (await fetch(`${url}/healthz`)).text(), "ok\n");
    assert.match(await (await fetch(url)).text(), new RegExp(shows));
    assert.equal((await fetch(`${url}/no-such-page`)).status, 404);
    assert.equal(await web.end(), 0);
    await web.says(/says goodbye/);
  });

  test(`examples/${app} worker counts and ends with a goodbye`, async (context) => {
    const worker = await runSample({ app, process: "worker", env: config, context });
    await worker.says(/ 2\b/);
    assert.equal(await worker.end(), 0);
    await worker.says(/says goodbye/);
  });
}

interface SampleRun {
  readonly app: string;
  readonly process: string;
  readonly env: Record<string, string>;
  readonly context: { after(undo: () => Promise<void>): void };
}

async function runSample({ app, process: name, env, context }: SampleRun) {
  const dir = await mkdtemp(join(tmpdir(), "sharku-sample-"));
  await cp(join(import.meta.dirname, "../examples", app), dir, { recursive: true });
  const procfile = await readFile(join(dir, "Procfile"), "utf8");
  const command = new RegExp(`^${name}: (.*)$`, "m").exec(procfile)?.[1];
  assert.ok(command, `the Procfile of ${app} has no ${name}`);
  const child = spawn("sh", ["-c", `exec ${command}`], { cwd: dir, env: { ...process.env, ...env } });
  let output = "";
  child.stdout.on("data", (chunk) => (output += chunk));
  child.stderr.on("data", (chunk) => (output += chunk));
  context.after(async () => {
    child.kill("SIGKILL");
    await rm(dir, { recursive: true, force: true });
  });
  return {
    says: (wanted: RegExp) =>
      until(
        () => wanted.test(output),
        () => output,
      ),
    end: () => end(child),
  };
}

async function end(child: ChildProcess): Promise<unknown> {
  const closed = once(child, "close");
  child.kill("SIGTERM");
  const [code] = await closed;
  return code;
}

async function until(isSo: () => boolean, tell: () => string): Promise<void> {
  const end = performance.now() + DEADLINE_MS;
  while (!isSo()) {
    if (performance.now() > end) assert.fail(`not in ${DEADLINE_MS} ms; it said:\n${tell()}`);
    await sleep(20);
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  assert.ok(address !== null && typeof address === "object");
  server.close();
  await once(server, "close");
  return address.port;
}
