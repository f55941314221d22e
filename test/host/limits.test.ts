import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import type { Proc, ProcSpec } from "../../src/client/client.ts";
import { runCommand } from "../../src/lib/run-command.ts";
import { stretched } from "../until.ts";
import { PROGRAMS, packDirectory } from "./archive.ts";
import { startDaemon } from "./harness.ts";
import { assertSame, takeLedger } from "./ledger.ts";
import { linesOf, runProc, untilExited } from "./proc-calls.ts";

const MIB = 2 ** 20;

test("limits hold, each start gets the image as it was packed, and the host stays what it was", async (context) => {
  await using daemon = await startDaemon();
  const { client, places } = daemon;
  const { digest: image } = await client.pushImage(await packDirectory(PROGRAMS));
  // The first use of an image leaves a mark of it beside its files.
  await runProc(client, { image, command: ["true"] });
  await daemon.deleteAll();
  const before = await takeLedger(places);
  const sums = await sumsOf(join(places.stateDir, "images"));

  const run = async (spec: Partial<ProcSpec>): Promise<{ exit: Proc["exit"]; lines: string[] }> => {
    const { id } = await runProc(client, { image, ...spec });
    const { exit } = await untilExited(client, id);
    return { exit, lines: await linesOf(client, id) };
  };
  const useUp = (what: string, limits: ProcSpec["limits"] & object) =>
    run({ command: ["python3", "use-up.py", what], limits });

  await context.test("memory: the kernel kills, and the exit says why", async () => {
    const { exit, lines } = await useUp("memory", { memoryBytes: 64 * MIB });
    assert.deepEqual(
      { code: exit?.code, signal: exit?.signal, reason: exit?.reason, oom: exit?.oom, killed: exit?.killed },
      { code: 137, signal: "SIGKILL", reason: "oom", oom: true, killed: false },
    );
    assert.deepEqual(lines, []);
  });

  await context.test("memory: a kill of its own is not called one", async () => {
    const { exit } = await run({ command: ["sh", "-c", "kill -9 $$"] });
    assert.deepEqual([exit?.code, exit?.reason, exit?.oom], [137, "signaled", false]);
  });

  await context.test("pids: no more processes than that", async () => {
    // The init and the program are two of them.
    assert.deepEqual((await useUp("pids", { pids: 16 })).lines, ["14 EAGAIN"]);
  });

  await context.test("tmp: no more bytes than that", async () => {
    assert.deepEqual((await useUp("tmp", { tmpBytes: 4 * MIB })).lines, [`${4 * MIB} ENOSPC`]);
  });

  await context.test("files: no more open than that", async () => {
    assert.deepEqual((await useUp("files", { openFiles: 64 })).lines, ["61 EMFILE"]);
  });

  await context.test("case 43: cpus: no more time than that", async () => {
    // Longer on a slow machine: what it stands still meanwhile counts as used, and is taken off afterwards.
    const spanSeconds = stretched(1000) / 1000;
    const program = `import time\nend=time.time()+${spanSeconds}\nwhile time.time()<end: pass\nprint(time.process_time())`;
    const { lines } = await run({ command: ["python3", "-c", program], limits: { cpus: 0.25 } });
    const share = Number(lines[0]) / spanSeconds;
    assert.ok(share > 0.05 && share < 0.45, `a quarter of a CPU gave ${share}`);
  });

  await context.test("what an app does to its files is its own, and gone with it", async () => {
    const change =
      "echo mine > start-once.sh && rm obey.py && mkdir new && echo $HOME > new/file && cat new/file";
    const look = "ls -1 | sort && head -1 start-once.sh";
    const first = await run({ command: `${look} && ${change}` });
    assert.equal(first.exit?.code, 0);
    assert.equal(first.lines.at(-1), "/app");
    const second = await run({ command: look });
    assert.deepEqual(second.lines, first.lines.slice(0, -1));
    assert.ok(second.lines.includes("obey.py"));
    assert.deepEqual(await sumsOf(join(places.stateDir, "images")), sums);
  });

  await context.test("an app that turns its files against the host harms itself only", async () => {
    const spite = [
      "rm -rf /app/* /tmp/* / 2>/dev/null",
      "chmod 000 /app",
      "echo x > /dev/null",
      "chmod 600 /dev/null 2>/dev/null",
      "echo done",
    ].join("; ");
    assert.deepEqual((await run({ command: spite })).lines, ["done"]);
    assert.deepEqual(await sumsOf(join(places.stateDir, "images")), sums);
  });

  await daemon.deleteAll();
  await context.test("the host is as it was", () => assertSame(before, places));
});

/** Every file's sum, owner and mode. */
async function sumsOf(dir: string): Promise<string> {
  const format = "%p %U %G %m %l ";
  const { stdout } = await runCommand([
    ...["find", dir, "-printf", `${format}\n`, "-type", "f", "-exec", "sha256sum", "{}", ";"],
  ]);
  return stdout.split("\n").sort().join("\n");
}
