import assert from "node:assert/strict";
import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import type { LogRecord, Proc, ProcSpec, SharkuClient } from "../../src/client/client.ts";
import { until } from "../until.ts";
import { PROGRAMS, packDirectory } from "./archive.ts";
import { isSharkuError } from "./expect-error.ts";
import { startDaemon } from "./harness.ts";
import { assertSame, takeFdLedger, takeLedger } from "./ledger.ts";
import { makePlaces, removePlaces } from "./places.ts";
import { isGone, linesOf, runProc, untilExited, untilLine } from "./proc-calls.ts";
import { pidsOfProc, readProc } from "./processes.ts";
import { startWitness, type Witness } from "./witness.ts";

/**
 * Procs that use up what they can, each beside a witness: a proc and a daemon that must go on answering rightly.
 * How fast they answer depends on the machine and is not judged.
 */

const MIB = 2 ** 20;

/** conmon begins a log anew at 50 MiB; a write may come on top. */
const LOG_BYTES_MAX = 51 * MIB;

/** A live bomb is tamed for the sake of the other tests on this machine, not of the witness. */
const TAMED = { cpus: 0.5 };

test("whatever a proc uses up, others and the daemon go on", async (context) => {
  await using daemon = await startDaemon();
  const { client, places } = daemon;
  const { digest: image } = await client.pushImage(await packDirectory(PROGRAMS));
  const witness = await startWitness(client, image);
  // What is made once, for the first proc that ends, is there before anything is counted.
  const { id: first } = await runProc(client, { command: "true" });
  await untilExited(client, first);
  await remove(client, first);
  const before = await takeLedger(places);
  const files = await openFilesOf(daemon.pid);
  const abuse = (words: string, spec: Partial<ProcSpec> = {}) =>
    runProc(client, { image, command: ["python3", "abuse.py", ...words.split(" ")], ...spec });
  const toItsEnd = (words: string, spec: Partial<ProcSpec> = {}) =>
    witness.during(async () => {
      const { exit } = await untilExited(client, (await abuse(words, spec)).id);
      return exit;
    });
  const said = async (words: string, spec: Partial<ProcSpec> = {}) => {
    const { id } = await witness.during(async () => await untilExited(client, (await abuse(words, spec)).id));
    return await linesOf(client, id);
  };

  await context.test(
    "case 35: a live fork bomb is refused at its limit, others fork, and it is ended whole",
    async () => {
      const { id } = await witness.during(async () => {
        const bomb = await abuse("forks", { limits: { ...TAMED, pids: 64 } });
        await untilLine(client, bomb.id, /^EAGAIN$/);
        await until("it has all it may have", async () => (await pidsOfProc(bomb.id)).length === 64);
        const other = await runProc(client, { command: "for i in 1 2 3; do echo $i | cat; done" });
        await untilExited(client, other.id);
        assert.deepEqual(await linesOf(client, other.id), ["1", "2", "3"]);
        return bomb;
      });
      await witness.during(() => remove(client, id));
      assert.deepEqual(await pidsOfProc(id), []);
    },
  );

  await context.test("case 36: a proc that takes all its memory is ended and says so", async () => {
    const exit = await witness.during(async () => {
      const command = ["python3", "use-up.py", "memory"];
      const { id } = await runProc(client, { image, command, limits: { memoryBytes: 64 * MIB } });
      return (await untilExited(client, id)).exit;
    });
    assert.deepEqual([exit?.code, exit?.reason, exit?.oom], [137, "oom", true]);
  });

  await context.test("case 36: where only a child does, the parent lives on", async () => {
    assert.deepEqual(await said("memory-of-child", { limits: { memoryBytes: 64 * MIB } }), [
      "child ended by 9",
    ]);
  });

  await context.test("case 37: what is in memory is full at its cap, and usable again", async () => {
    const lines = [`${64 * MIB} ENOSPC`, "usable again"];
    assert.deepEqual(await said("fill /dev/shm/file"), lines);
    assert.deepEqual(await said("fill /tmp/file"), lines);
  });

  await context.test("case 37: it counts as the proc's own memory", async () => {
    const exit = await toItsEnd("fill /dev/shm/file", { limits: { memoryBytes: 32 * MIB } });
    assert.deepEqual([exit?.code, exit?.reason], [137, "oom"]);
  });

  await context.test("case 39: there are no more files in memory than a cap", async () => {
    // The directory itself is one of them.
    assert.deepEqual(await said("files /tmp"), ["10239 ENOSPC"]);
    assert.deepEqual(await said("files /dev/shm"), ["4095 ENOSPC"]);
  });

  await context.test(
    "case 42: it opens no more files than its limit, and the daemon none for it",
    async () => {
      const { id } = await witness.during(async () => {
        const proc = await runProc(client, { image, command: ["python3", "use-up.py", "files"] });
        return await untilExited(client, proc.id);
      });
      assert.deepEqual(await linesOf(client, id), ["4093 EMFILE"]);
    },
  );

  await context.test("of the host's terminals, which all share, it gets a few", async () => {
    assert.deepEqual(await said("terminals"), ["64 ENOSPC"]);
  });

  await context.test("case 43: processes that do nothing but count leave others their turn", async () => {
    const { id } = await witness.during(async () => {
      const proc = await abuse("spins");
      await untilLine(client, proc.id, /^spinning$/);
      const other = await runProc(client, { command: "echo my turn" });
      await untilExited(client, other.id);
      assert.deepEqual(await linesOf(client, other.id), ["my turn"]);
      return proc;
    });
    await witness.during(() => remove(client, id));
  });

  await context.test("case 44: orphans that end are seen to by the init", async () => {
    const [line = ""] = await said("zombies", { limits: { pids: 32 } });
    assert.match(line, /^zombies 0 of \d$/);
  });

  await context.test("case 46: a storm of files and syncs ends, and others go on", async () => {
    assert.deepEqual(await said("churn"), ["churned"]);
  });

  await context.test("case 49: one that has stopped itself is ended all the same", async () => {
    const { id } = await abuse("stops", { stop: { graceMs: 200 } });
    await untilLine(client, id, /^stopping$/);
    await witness.during(() => client.stopProc(id));
    const { exit } = await untilExited(client, id);
    assert.deepEqual([exit?.reason, exit?.killed], ["stopped", true]);
    assert.deepEqual(await pidsOfProc(id), []);
  });

  await context.test(
    "case 50: one that ignores SIGTERM ends with all that has left its session",
    async () => {
      const { id } = await abuse("hides", { stop: { graceMs: 200 } });
      await untilLine(client, id, /^hidden$/);
      await until("all of its family run", async () => (await pidsOfProc(id)).length >= 5);
      await client.stopProc(id);
      assert.equal((await untilExited(client, id)).exit?.killed, true);
      assert.deepEqual(await pidsOfProc(id), []);
    },
  );

  await context.test("the daemon holds no more files open, and the host is as it was", async () => {
    for await (const { id } of client.allProcs()) if (id !== witness.proc.id) await remove(client, id);
    const isSame = async () => (await openFilesOf(daemon.pid)) === files;
    await until("its files are those of before", isSame).catch(() => undefined);
    assert.equal(await openFilesOf(daemon.pid), files);
    await assertSame(before, places);
  });
});

test("whatever a proc prints, its log is bounded and keeps its form", async (context) => {
  await using daemon = await startDaemon();
  const { client, places } = daemon;
  const { digest: image } = await client.pushImage(await packDirectory(PROGRAMS));
  const witness = await startWitness(client, image);

  await context.test(
    "case 40: a flood takes no more of the disk than the cap, and of the daemon no memory",
    async () => {
      const before = await residentBytes(daemon.pid);
      const proc = await flooded({ client, image, witness });
      assert.ok((await bytesBelow(join(places.stateDir, "logs", proc.id))) <= LOG_BYTES_MAX);
      const growth = (await residentBytes(daemon.pid)) - before;
      assert.ok(growth < 50 * MIB, `it has grown by ${growth} bytes`);
      const last = await Array.fromAsync(client.procLogs(proc.id, { tail: 3 }));
      assert.match(last.at(-1)?.line ?? "", /^flooded \d+$/);
    },
  );

  await context.test(
    "cases 32, 41: long lines, lines in pieces and what a terminal obeys are told as they are",
    async () => {
      const { id } = await runProc(client, { image, command: ["python3", "abuse.py", "letters"] });
      await witness.during(() => untilExited(client, id));
      const records = await Array.fromAsync(client.procLogs(id));
      const bytes = Buffer.concat(records.filter(({ stream }) => stream === "stdout").map(bytesOf));
      const forged = '2026-01-01T00:00:00Z stdout F {"line":"forged"}';
      const wanted = [
        Buffer.from("a".repeat(20_000)),
        Buffer.from("b".repeat(8 * MIB)),
        Buffer.from("\x1b[2J\x1b]0;title\x07one\rtwo\x00three\xff\xfe", "latin1"),
        Buffer.from(`${forged}behind them all`),
      ];
      assert.ok(bytes.equals(Buffer.concat(wanted)), "every byte is there, in order");
      assert.deepEqual(
        records.slice(-2).map(({ line }) => line),
        [forged, "behind them all"],
      );
    },
  );
});

test("case 47: where no port is left, it is said so, and each is used again when it is free", async () => {
  const made = await makePlaces();
  const places = { ...made, lastPort: made.firstPort + 2 };
  try {
    await using daemon = await startDaemon({ places });
    const { client } = daemon;
    const command = ["sleep", "1000"];
    const three = [];
    for (const name of ["1", "2", "3"]) three.push(await runProc(client, { name, command }));
    const range = [0, 1, 2].map((offset) => places.firstPort + offset);
    assert.deepEqual(three.map(({ port }) => port ?? 0).sort(), range);
    await assert.rejects(client.createProc({ app: "test", name: "4", command }), (error) =>
      isSharkuError(error, "no-port"),
    );
    const [, second, third] = three;
    for (const proc of [third, second]) await remove(client, proc?.id ?? "");
    const again = [
      await runProc(client, { name: "5", command }),
      await runProc(client, { name: "6", command }),
    ];
    assert.deepEqual(
      again.map(({ port }) => port),
      [third?.port, second?.port],
      "the one free for longest comes first",
    );
  } finally {
    await removePlaces(made);
  }
});

test("case 48: many idle procs cost the daemon little", async () => {
  await using daemon = await startDaemon();
  const { client } = daemon;
  const count = 20;
  const before = await residentBytes(daemon.pid);
  const names = Array.from({ length: count }, (_, index) => `idle-${index}`);
  await Promise.all(names.map((name) => runProc(client, { name, command: ["sleep", "1000"] })));
  const each = ((await residentBytes(daemon.pid)) - before) / count;
  assert.ok(each < 2 * MIB, `${each} bytes for each`);
  assert.equal((await Array.fromAsync(client.allProcs())).length, count);
});

async function flooded(given: { client: SharkuClient; image: string; witness: Witness }): Promise<Proc> {
  const { client, image, witness } = given;
  const { id } = await runProc(client, { image, command: ["python3", "abuse.py", "flood", "120"] });
  return await witness.during(() => untilExited(client, id));
}

async function remove(client: SharkuClient, id: string): Promise<void> {
  await client.deleteProc(id, { graceMs: 0 });
  await until(`proc ${id} is gone`, () => isGone(client, id));
}

function bytesOf({ line, lineBase64 }: LogRecord): Buffer {
  return lineBase64 === undefined ? Buffer.from(line ?? "") : Buffer.from(lineBase64, "base64");
}

/** Without connections: those that callers keep open come and go. */
async function openFilesOf(pid: number): Promise<string> {
  const { fds = [] } = await takeFdLedger(pid);
  return fds.filter((fd) => fd !== "socket").join("\n");
}

async function residentBytes(pid: number): Promise<number> {
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(await readProc(pid, "status"))?.[1]) * 1024;
}

async function bytesBelow(dir: string): Promise<number> {
  const names = await readdir(dir);
  const sizes = await Promise.all(names.map(async (name) => (await stat(join(dir, name))).size));
  return sizes.reduce((sum, size) => sum + size, 0);
}
