import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { runCommand } from "../../src/lib/run-command.ts";
import { stretched, until } from "../until.ts";
import { startDaemon } from "./harness.ts";
import { isGone, untilExited } from "./proc-calls.ts";
import { makeTinyRoot } from "./tiny-root.ts";

/** Commands that are no files, or files that only the proc itself can tell, in trees of somebody else. */

const RUNTIMES = ["crun", "runc", "runsc"];

/** More than the threads that open files for the daemon. */
const MANY = 6;

const app = { app: "test", template: "tiny" };

test("a FIFO or a device named as the command fails its proc, and holds up nobody", async (context) => {
  await using root = await makeTinyRoot();
  const bin = join(root.path, "usr/bin");
  await runCommand(["mkfifo", "--mode=755", join(bin, "pipe")]);
  await runCommand(["mknod", "--mode=755", join(bin, "device"), "c", "1", "5"]);
  await using daemon = await startDaemon();
  const { client } = daemon;
  await client.createTemplate({ name: "tiny", directory: { path: root.path } });
  for (const runtime of RUNTIMES)
    await context.test(runtime, { timeout: stretched(90_000) }, async () => {
      const commands = [...Array.from({ length: MANY }, () => "pipe"), "device"];
      const procs = await Promise.all(
        commands.map((name, at) =>
          client.createProc({ ...app, runtime, name: `${name}-${at}`, command: [name] }),
        ),
      );
      const neighbour = await client.createProc({
        ...app,
        template: "host",
        name: "good",
        command: ["true"],
      });
      assert.equal((await untilExited(client, neighbour.id)).exit?.code, 0);
      for (const { id, name } of procs) {
        const { state, exit, startedAt } = await untilExited(client, id);
        // What a kernel of its own has for a root is not seen from outside: there the runtime tells.
        if (runtime === "runsc") assert.equal(state, "fail", exit?.message);
        else {
          assert.deepEqual([state, exit?.reason, startedAt], ["fail", "command", null], exit?.message);
          const program = name.split("-")[0];
          assert.equal(
            exit?.message,
            `Cannot run "${program}" on template "tiny": it is no file, and cannot be executed`,
          );
        }
      }
      for (const { id } of [...procs, neighbour]) await client.deleteProc(id);
      for (const { id } of procs) await until("it is gone", () => isGone(client, id));
    });
});

test("a command that leads through the proc's own /proc runs", async () => {
  await using root = await makeTinyRoot();
  await using daemon = await startDaemon();
  const { client } = daemon;
  await client.createTemplate({ name: "tiny", directory: { path: root.path } });
  // gVisor has no /proc yet when it looks for the program.
  for (const runtime of ["crun", "runc"])
    for (const program of ["/proc/self/root/bin/sh", "/proc/thread-self/root/usr/bin/sh"]) {
      const proc = await client.createProc({
        ...{ ...app, runtime, name: "self" },
        command: [program, "-c", "exit 6"],
      });
      const { exit } = await untilExited(client, proc.id);
      assert.deepEqual([exit?.reason, exit?.code], ["crashed", 6], `${runtime} ${program}: ${exit?.message}`);
    }
  // It is a file of the runtime's, whatever comes of it: no fault of the daemon's looking at it.
  const proc = await client.createProc({ ...app, name: "exe", command: ["/proc/self/exe", "--version"] });
  assert.doesNotMatch((await untilExited(client, proc.id)).exit?.message ?? "", /ENOENT|readlink/);
});
