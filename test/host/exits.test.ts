import assert from "node:assert/strict";
import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import type { Proc, ProcSpec, SharkuClient } from "../../src/client/client.ts";
import { packDirectory } from "./archive.ts";
import { startDaemon } from "./harness.ts";
import { eventsSoFar, runProc, untilExited, untilLine } from "./proc-calls.ts";
import { pidsWhere, readProc, signal } from "./processes.ts";
import { containerOfProc } from "./run-of-proc.ts";

async function endOf(client: SharkuClient, spec: Partial<ProcSpec>): Promise<Proc> {
  const { id } = await client.createProc({ app: "test", name: "one", ...spec });
  return await untilExited(client, id);
}

async function packed(files: Readonly<Record<string, { text: string; mode: number }>>) {
  const dir = await mkdtemp(join(tmpdir(), "sharku-exits-"));
  try {
    for (const [name, { text, mode }] of Object.entries(files)) {
      await writeFile(join(dir, name), text);
      await chmod(join(dir, name), mode);
    }
    return await packDirectory(dir);
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}

test("each end is told with its own reason", async (context) => {
  await using daemon = await startDaemon();
  const { client } = daemon;

  await context.test(
    "a program that cannot be executed has the reason command, and is never running",
    async () => {
      const image = await client.pushImage(
        await packed({
          plain: { text: "echo hello\n", mode: 0o644 },
          old: { text: "#!/usr/bin/python2.4\n", mode: 0o755 },
          env: { text: "#!/usr/bin/env no-such-language\n", mode: 0o755 },
          good: { text: "#!/bin/sh\nexit 3\n", mode: 0o755 },
          bare: { text: "exit 4\n", mode: 0o755 },
        }),
      );
      const cases: readonly (readonly [ProcSpec["command"], RegExp])[] = [
        [
          ["nope", "x"],
          /^Cannot run "nope" on template "host": it is in none of the directories of PATH, \/usr\/local/,
        ],
        ["nope --port $PORT", /^Cannot run "nope" .* PATH, \/usr\/local/],
        ["A=1 exec-me", /^Cannot run "exec-me"/],
        [["/app/none"], /^Cannot run "\/app\/none" on template "host": it is not there$/],
        ["./none", /^Cannot run "\.\/none" .*is not there$/],
        [["./plain"], /may not be executed by the app: \/app\/plain$/],
        ["./plain", /may not be executed by the app: \/app\/plain$/],
        [["/usr"], /is a directory$/],
        [["./old"], /asks in its first line for \/usr\/bin\/python2\.4, which is not there$/],
        [["./env"], /asks in its first line for no-such-language, which is in none/],
      ];
      for (const [command = "", message] of cases) {
        const { id, state, exit, startedAt } = await endOf(client, { command, image: image.digest });
        assert.deepEqual([state, exit?.reason, exit?.code, startedAt], ["fail", "command", null, null]);
        assert.match(exit?.message ?? "", message);
        const states = (await Array.fromAsync(client.procEvents(id))).map((event) => event.proc.state);
        assert.deepEqual(states, ["init", "boot", "fail"]);
      }
      // And what can be executed is.
      for (const [command, code] of [
        [["./good"], 3],
        ["./good", 3],
        ["./bare", 4],
        [["sh", "-c", "exit 5"], 5],
        ["PATH=/app good", 3],
        ["cd /app && ./good", 3],
      ] as const) {
        const list = typeof command === "string" ? command : [...command];
        const { exit } = await endOf(client, { command: list, image: image.digest });
        assert.deepEqual([exit?.reason, exit?.code], ["crashed", code], String(command));
      }
    },
  );

  await context.test(
    "a shell that finds no program amid a line is told as it ended, with a hint",
    async () => {
      const { exit } = await endOf(client, { command: "true && no-such-program" });
      assert.deepEqual([exit?.reason, exit?.code], ["crashed", 127]);
      assert.match(exit?.message ?? "", /by which a shell says that it has not found a program/);
      assert.match(exit?.logTail?.join() ?? "", /no-such-program: not found/);
    },
  );

  await context.test("the last lines of a failed run are at hand, and in no event", async () => {
    const command = `echo early; for n in 1 2 3; do echo line $n; done; printf 'tab\\t\\033[31mred\\n'; printf '\\377%0600d\\n' 7; exit 9`;
    const { id, exit } = await endOf(client, { command });
    assert.deepEqual(exit?.logTail?.slice(0, 4), ["line 1", "line 2", "line 3", "tab\t\ufffd[31mred"]);
    assert.equal(exit?.logTail?.[4], `\ufffd${"0".repeat(499)}`);
    const told = JSON.stringify((await eventsSoFar(client)).filter((event) => event.procId === id));
    assert.ok(told.includes('"crashed"') && !told.includes("line 2"));
    assert.equal((await endOf(client, { command: "echo fine" })).exit?.logTail, undefined);
  });

  await context.test("a run whose supervisor is gone is lost, with no code by guess", async () => {
    const { id } = await runProc(client, { command: "echo up; exec sleep 1000" });
    await untilLine(client, id, /^up$/);
    const run = await containerOfProc(daemon.places, id);
    const supervisors = await pidsWhere(async (pid) => {
      const [program = "", ...words] = (await readProc(pid, "cmdline")).split("\0");
      return program.endsWith("conmon") && words.includes(run.id);
    });
    assert.equal(supervisors.length, 1);
    for (const pid of supervisors) signal(pid, "SIGKILL");
    const { state, exit } = await untilExited(client, id);
    assert.deepEqual([state, exit?.reason, exit?.code, exit?.oom], ["fail", "lost", null, false]);
    assert.deepEqual(exit?.logTail, ["up"]);
  });

  await context.test("an image that cannot be fetched has the reason image", async () => {
    const image = "http://127.0.0.1:1/none.tar";
    const { exit, startedAt } = await endOf(client, { command: "true", image });
    assert.deepEqual([exit?.reason, startedAt], ["image", null]);
  });
});
