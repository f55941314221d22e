import assert from "node:assert/strict";
import { test } from "node:test";
import { startCli } from "../../../test/fakes/cli-call.ts";
import { barOf } from "./stats-columns.ts";

test("stats shows what runs, with rates, in columns that a script can count on", async () => {
  await using cli = await startCli();
  cli.daemon.addProc({ id: "a" });
  cli.daemon.addProc({ id: "b", app: "blog" });
  cli.daemon.addProc({ id: "old" });
  cli.daemon.end("old");
  const { code, io } = await cli.call("stats");
  assert.equal(code, 0);
  assert.deepEqual(io.stdout.lines, [
    "ID  APP   NAME   STATE    CPU    MEMORY     PEAK  PIDS   /APP   NET IN/OUT  DISK R/W",
    "a   shop  web.1  running  50.0%  256M/512M  256M  3/256  1G/1G  5B/1K /s    -",
    "b   blog  web.1  running  50.0%  256M/512M  256M  3/256  1G/1G  5B/1K /s    -",
  ]);
  const [first, ...more] = JSON.parse((await cli.call("stats blog --json")).out);
  assert.deepEqual([first.id, first.rates.cpuPercent, more.length], ["b", 50, 0]);
  assert.equal((await cli.call("stats shop -q")).out, "a\nold\n");
});

test("stats of an ended proc tells what it took in all, and asks only once", async () => {
  await using cli = await startCli();
  cli.daemon.addProc({ id: "old" });
  cli.daemon.end("old");
  const { io } = await cli.call("stats old");
  assert.match(io.stdout.lines[1] ?? "", /^old +shop +web\.1 +done +1\.5s +256M\/512M +256M/);
  assert.ok(cli.daemon.requests.every(({ url }) => !url.includes("follow")));
  const { out, err } = await cli.call("stats");
  assert.equal(out, "");
  assert.match(err, /No procs that have not ended/);
});

test("stats -f into a pipe writes a line for each proc each time", async () => {
  await using cli = await startCli();
  cli.daemon.addProc({ id: "a" });
  for (const argv of ["stats -f", "top --interval 2s"]) {
    const { code, io } = await cli.call(argv);
    assert.equal(code, 0);
    assert.deepEqual(
      io.stdout.lines.map((line) => line.split("\t").slice(0, 6)),
      [0, 1, 2].map((number) => [
        `2026-01-01T00:00:0${number}.000Z`,
        ...["a", "shop", "web.1", "running", number === 0 ? "-" : "50.0%"],
      ]),
    );
  }
  assert.ok(cli.daemon.requests.some(({ url }) => url.includes("intervalMs=2000")));
  const json = (await cli.call("top --json")).io.stdout.lines.map((line) => JSON.parse(line));
  assert.deepEqual(
    json.map(({ items }) => items[0].id),
    ["a", "a", "a"],
  );
});

test("top draws a table over itself on a terminal, and gives the screen back", async () => {
  await using cli = await startCli();
  cli.daemon.addProc({ id: "a" });
  const { io } = await cli.call("top", { isTTY: true });
  const { text } = io.stdout;
  assert.ok(text.startsWith("\x1b[?1049h\x1b[?25l\x1b[H\x1b[J"));
  assert.ok(text.endsWith("\x1b[?25h\x1b[?1049l"));
  assert.equal(text.split("\x1b[H\x1b[J").length - 1, 3);
  assert.ok(text.includes("██▌·· 256M/512M"));
});

test("a bar is as long as the share", () => {
  const bars = [-1, 0, 0.01, 0.5, 1, 2].map(barOf);
  assert.deepEqual(bars, ["·····", "·····", "·····", "██▌··", "█████", "█████"]);
});

test("stats takes no interval that the daemon does not", async () => {
  await using cli = await startCli();
  for (const wrong of ["100ms", "2h"]) {
    const { code, err } = await cli.call(`stats -f --interval ${wrong}`);
    assert.equal(code, 2);
    assert.match(err, /a time from 500ms to 1h was wanted/);
  }
});

test("events tells what a proc has come close to", async () => {
  await using cli = await startCli();
  cli.daemon.addProc({ id: "a" });
  cli.daemon.update("a", {}, "proc.memory-high");
  cli.daemon.update("a", {}, "proc.pids-limit");
  const { lines } = (await cli.call("events")).io.stdout;
  assert.match(lines[0] ?? "", /mem-high .*: it uses more than nine tenths of its memory \(512M\)$/);
  assert.match(lines[1] ?? "", /pids-limit .*: it was refused a process, it has all that it may \(256\)$/);
});

test("capacity tells what is left", async () => {
  await using cli = await startCli();
  const { code, io } = await cli.call("capacity");
  assert.equal(code, 0);
  assert.deepEqual(
    io.stdout.lines.map((line) => line.trim().split(/ {2,}/)),
    [
      ["TOTAL", "PROMISED", "USED", "FREE", "KEPT"],
      ["memory", "1G", "2G", "324M", "700M", "51M"],
      ["cpus", "2", "1.5 + 3 all", "0.25", "-", "-"],
      ["disk", "100M", "10M", "40M", "60M", "5M"],
      ["processes", "32768", "1024", "200", "32568", "1024"],
      ["procs", "4093", "-", "4", "4089", "-"],
      ["ports", "10000", "-", "4", "9996", "-"],
    ],
  );
  assert.equal(JSON.parse((await cli.call("capacity --json")).out).cpus.total, 2);
});
