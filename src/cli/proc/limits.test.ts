import assert from "node:assert/strict";
import { test } from "node:test";
import { startCli } from "../../../test/fakes/cli-call.ts";
import { defaultLimits } from "../../contract/proc.ts";

const MIB = 2 ** 20;

test("limits shows the limits of all procs of an app, and of one", async () => {
  await using cli = await startCli();
  cli.daemon.addProc({ id: "a" });
  cli.daemon.addProc({ id: "b", name: "web.2", limits: { ...defaultLimits, cpus: 0.5, pids: 20 } });
  const { code, io } = await cli.call("limits shop");
  assert.equal(code, 0);
  assert.deepEqual(io.stdout.lines, [
    "ID  APP   NAME   MEMORY  CPUS  PIDS  /APP  /TMP  FILES",
    "a   shop  web.1  512M    all   256   1G    64M   4096",
    "b   shop  web.2  512M    0.5   20    1G    64M   4096",
  ]);
  assert.deepEqual(JSON.parse((await cli.call("limits b --json")).out), [
    { id: "b", app: "shop", name: "web.2", limits: { ...defaultLimits, cpus: 0.5, pids: 20 } },
  ]);
  assert.equal((await cli.call("limits shop -q")).out, "a\nb\n");
  assert.equal(cli.daemon.requests.filter(({ method }) => method !== "GET").length, 0);
});

test("limits changes those that are named of every proc of an app that has not ended", async () => {
  await using cli = await startCli();
  cli.daemon.addProc({ id: "a" });
  cli.daemon.addProc({ id: "b", name: "web.2", limits: { ...defaultLimits, memoryBytes: 1024 * MIB } });
  cli.daemon.addProc({ id: "c", name: "old" });
  cli.daemon.end("c");
  const { code, out } = await cli.call("limits shop --memory 1G --cpus 0.5");
  assert.equal(code, 0);
  assert.equal(
    out,
    "web.1 (a): memory 1G (was 512M), cpus 0.5 (was all)\nweb.2 (b): memory 1G (as before), cpus 0.5 (was all)\n",
  );
  const bodies = cli.daemon.requests.filter(({ method }) => method === "PATCH").map(({ body }) => body);
  assert.deepEqual(bodies, Array(2).fill(`{"limits":{"memoryBytes":${1024 * MIB},"cpus":0.5}}`));
  const back = await cli.call("limits a --cpus all --pids 512");
  assert.equal(back.out, "web.1 (a): cpus all (was 0.5), pids 512 (was 256)\n");
  const [json] = JSON.parse((await cli.call("limits a --pids 9 --json")).out);
  assert.equal(json.limits.pids, 9);
});

test("limits tells by its options what is refused, and what has been changed before", async () => {
  await using cli = await startCli();
  cli.daemon.addProc({ id: "abcde" });
  cli.daemon.usedBytes = 100 * MIB;
  const inUse = await cli.call("limits abcde --memory 64M");
  assert.equal(inUse.code, 1);
  assert.match(
    inUse.err,
    /^sharku: Cannot lower --memory of web\.1 \(abcde\) to 64M: 100M is in use, choose more/,
  );
  assert.equal((await cli.call("limits abc --memory 1G")).code, 1, "three letters are too few");
  cli.daemon.end("abcde");
  assert.match((await cli.call("limits abcde --pids 9")).err, /it has ended\n$/);
  assert.match((await cli.call("limits shop --pids 9")).err, /all procs of the app have ended/);
  assert.equal((await cli.call("limits shop")).code, 0, "to look at");
});

test("limits and run hold their options to the bounds of the contract", async () => {
  await using cli = await startCli();
  const wrongs: Record<string, RegExp> = {
    "limits a --memory 1K": /Cannot take --memory "1K": at least 4M was wanted\n$/,
    "limits a --memory 2000T": /at most 1024T was wanted\n$/,
    "limits a --cpus 0": /Cannot take --cpus "0": at least 0\.01 was wanted\n$/,
    "limits a --cpus none": /Cannot take --cpus "none": a number such as 2 or 0\.5 was wanted\n$/,
    "limits a --pids 1": /at least 2 was wanted\n$/,
    "limits a --tmp 1G":
      /Cannot take option "--tmp": it holds from the start to the end of a proc, give it to sharku run\n$/,
    "limits a --cpus -1": /Cannot take --cpus "-1": a number such as 2 or 0\.5 was wanted\n$/,
    "limits a --cpus --pids": /Cannot take --cpus: its value is missing/,
    "run . --app-disk -5": /Cannot take --app-disk "-5": a size such as 512M or 2G was wanted\n$/,
    "run . --tmp 12": /Cannot take --tmp "12": at least 4K was wanted\n$/,
    "run . --open-files 3": /Cannot take --open-files "3": at least 16 was wanted\n$/,
  };
  for (const [argv, expected] of Object.entries(wrongs)) {
    const { code, err } = await cli.call(argv);
    assert.equal(code, 2, argv);
    assert.match(err, expected);
  }
});

test("run takes every limit", async () => {
  await using cli = await startCli();
  const argv = "run -d --memory 256M --cpus all --pids 64 --app-disk 2G --tmp 8M --open-files 99 -- serve";
  assert.equal((await cli.call(argv)).code, 0);
  const { body } = cli.daemon.requests.find(({ method }) => method === "POST") ?? { body: "{}" };
  assert.deepEqual(JSON.parse(body).limits, {
    memoryBytes: 256 * MIB,
    cpus: null,
    pids: 64,
    appBytes: 2048 * MIB,
    tmpBytes: 8 * MIB,
    openFiles: 99,
  });
});

test("events tells a change of limits and a full disk in words", async () => {
  await using cli = await startCli();
  cli.daemon.addProc({ id: "a" });
  await cli.call("limits a --memory 1G");
  cli.daemon.update("a", {}, "proc.disk-full");
  const { io } = await cli.call("events");
  assert.match(io.stdout.lines[0] ?? "", /Z {2}changed {4}shop web\.1 \(a\): memory 1G, cpus all, pids 256$/);
  assert.match(
    io.stdout.lines[1] ?? "",
    /Z {2}disk-full {2}shop web\.1 \(a\): its \/app holds all that it may, in bytes \(1G\) or in files$/,
  );
});
