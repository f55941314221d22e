import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdir, mkdtempDisposable } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { startCli } from "../../../test/fakes/cli-call.ts";
import { makeTar } from "../../../test/make-tar.ts";

const ESC = "\u001b";
const stripped = new RegExp(`${ESC}\\[[0-9;]*m`, "g");

test("ps lists the procs in columns, whole in a pipe", async () => {
  await using cli = await startCli();
  cli.daemon.addProc({ id: "0123456789abcdef", command: ["node", "a b.js"] });
  cli.daemon.addProc({ id: "0123456789abcdee", name: "worker.1", address: null, command: "x".repeat(99) });
  cli.daemon.end("0123456789abcdee", { code: 3 });
  const { code, io } = await cli.call("ps");
  assert.equal(code, 0);
  assert.deepEqual(io.stdout.lines, [
    "ID                APP   NAME      STATE    ADDRESS          AGE  COMMAND",
    "0123456789abcdef  shop  web.1     running  127.0.0.1:10000  59m  node 'a b.js'",
    `0123456789abcdee  shop  worker.1  fail(3)  -                59m  ${"x".repeat(99)}`,
  ]);
});

test("ps fits a terminal, with ids as short as they can be told apart", async () => {
  await using cli = await startCli();
  cli.daemon.addProc({ id: "0123456789abcdef", name: "a-very-long-name-of-a-proc", command: "x".repeat(99) });
  cli.daemon.addProc({ id: "0123456789abcdee", command: "evil\u001b[2J\u009b2Jtext" });
  const { io } = await cli.call("ps", { isTTY: true });
  for (const line of io.stdout.lines) assert.ok(line.replaceAll(stripped, "").length <= 80, line);
  const plain = await cli.call("ps --no-color", { isTTY: true });
  assert.ok(!plain.out.includes(ESC));
  cli.daemon.addProc({ id: "fedcba9876543210" });
  assert.match((await cli.call("ps --no-color", { isTTY: true })).out, /\nfedcba98 {2}/);
});

test("ps prints ids for -q, an array for --json, and picks by app and state", async () => {
  await using cli = await startCli();
  cli.daemon.addProc({ id: "a" });
  cli.daemon.addProc({ id: "b", app: "blog" });
  cli.daemon.end("b");
  assert.equal((await cli.call("ps -q")).out, "a\nb\n");
  assert.equal((await cli.call("ps -q blog")).out, "b\n");
  assert.equal((await cli.call("ps -qa --app blog")).out, "b\n");
  assert.equal((await cli.call("ps -q --state running")).out, "a\n");
  const procs = JSON.parse((await cli.call("ps --json")).out);
  assert.deepEqual(
    procs.map((proc: { id: string }) => proc.id),
    ["a", "b"],
  );
});

test("ps says how to start one where there are none", async () => {
  await using cli = await startCli();
  const { code, out, err } = await cli.call("ps");
  assert.deepEqual([code, out], [0, ""]);
  assert.match(err, /sharku run \./);
  assert.equal((await cli.call("ps --json")).out, "[]\n");
});

test("logs merges the logs of an app by time, each line after the name of its proc", async () => {
  await using cli = await startCli();
  cli.daemon.addProc({ id: "a", name: "web.1" });
  cli.daemon.addProc({ id: "b", name: "worker.1" });
  for (const [id, line] of [
    ["a", "1"],
    ["b", "2"],
    ["b", "3"],
    ["a", "4"],
  ] as const)
    cli.daemon.addLine(id, line);
  const { out } = await cli.call("logs shop");
  assert.equal(out, "web.1 | 1\nworker.1 | 2\nworker.1 | 3\nweb.1 | 4\n");
  assert.equal((await cli.call("logs a")).out, "1\n4\n");
  assert.equal((await cli.call("logs shop --tail 1")).out, "worker.1 | 3\nweb.1 | 4\n");
  const terminal = await cli.call("logs shop", { isTTY: true });
  assert.match(terminal.out.replaceAll(stripped, ""), /^web\.1 {4}\| 1\nworker\.1 \| 2\n/);
  const json = (await cli.call("logs shop --json")).io.stdout.lines.map((line) => JSON.parse(line));
  assert.deepEqual(
    json.map((record) => record.proc.name + record.line),
    ["web.11", "worker.12", "worker.13", "web.14"],
  );
});

test("logs -f goes on where it began, without a hole or a double, until the procs have ended", async () => {
  await using cli = await startCli();
  cli.daemon.addProc({ id: "a", name: "web.1" });
  cli.daemon.addProc({ id: "b", name: "worker.1" });
  cli.daemon.addLine("a", "1");
  const { io, code } = cli.begin("logs -f shop");
  await io.stdout.until("web.1 | 1\n");
  cli.daemon.addLine("b", "2");
  await io.stdout.until("worker.1 | 2\n");
  cli.daemon.end("b");
  cli.daemon.addLine("a", "3");
  cli.daemon.end("a");
  assert.equal(await code, 0);
  assert.equal(io.stdout.text, "web.1 | 1\nworker.1 | 2\nweb.1 | 3\n");
});

test("logs -f outlasts a daemon that is restarted and takes its time to find its procs", async () => {
  await using cli = await startCli();
  cli.daemon.addProc({ id: "a" });
  cli.daemon.addLine("a", "1");
  const { io, code } = cli.begin("logs -f a");
  await io.stdout.until("1\n");
  cli.daemon.isStartingUp = true;
  const before = cli.daemon.requests.length;
  cli.daemon.cutConnections();
  const deadline = AbortSignal.timeout(10_000);
  while (cli.daemon.requests.length === before && !deadline.aborted) await io.sleep(5);
  assert.ok(cli.daemon.requests.length > before, "it asked again");
  cli.daemon.isStartingUp = false;
  cli.daemon.addLine("a", "2");
  cli.daemon.end("a");
  assert.equal(await code, 0, io.stderr.text);
  assert.equal(io.stdout.text, "1\n2\n");
});

test("logs keeps bytes in a pipe and control sequences off a terminal", async () => {
  await using cli = await startCli();
  cli.daemon.addProc({ id: "a" });
  const { line: _, ...bytes } = { line: "", lineBase64: Buffer.from([0xff, 0x41]).toString("base64") };
  cli.daemon.addLine("a", "\u001b[2J\u001b[31mred");
  const entry = cli.daemon.entries.get("a");
  entry?.lines.push({ time: "2026-01-01T00:30:00Z", stream: "stdout", cursor: "2", ...bytes });
  const pipe = await cli.call("logs a");
  const expected = Buffer.concat([Buffer.from("\u001b[2J\u001b[31mred\n"), Buffer.from([0xff, 0x41, 0x0a])]);
  assert.deepEqual(pipe.io.stdout.bytes, expected);
  const terminal = await cli.call("logs a", { isTTY: true });
  assert.equal(terminal.out, "\u001b[31mred\u001b[0m\n\ufffdA\n");
});

test("logs asks for what is younger", async () => {
  await using cli = await startCli();
  cli.daemon.addProc({ id: "a" });
  await cli.call("logs a --since 10m");
  await cli.call("logs a --since 2026-01-01T00:00:00+01:00");
  const sinces = cli.daemon.requests.map(({ url }) => new URL(url, "http://x").searchParams.get("since"));
  assert.deepEqual(sinces.filter(Boolean), ["2026-01-01T00:50:00.000Z", "2025-12-31T23:00:00.000Z"]);
});

test("stop stops every proc of an app, waits, and passes grace and signal on", async () => {
  await using cli = await startCli();
  cli.daemon.addProc({ id: "a" });
  cli.daemon.addProc({ id: "b", name: "web.2" });
  cli.daemon.addProc({ id: "c", name: "old" });
  cli.daemon.end("c");
  const { code, out } = await cli.call("stop shop --grace 5s --signal SIGINT");
  assert.equal(code, 0);
  assert.match(out, /web\.1 \(a\) has ended, stopped as asked/);
  assert.match(out, /old \(c\) had ended before/);
  const bodies = cli.daemon.requests.filter(({ method }) => method === "POST").map(({ body }) => body);
  assert.deepEqual(bodies, Array(2).fill('{"graceMs":5000,"signal":"SIGINT"}'));
});

test("rm waits until nothing is left, and may be repeated", async () => {
  await using cli = await startCli();
  cli.daemon.addProc({ id: "a" });
  const { code, out } = await cli.call("rm a --grace 0");
  assert.deepEqual([code, out], [0, "web.1 (a) is removed\n"]);
  assert.equal(cli.daemon.entries.size, 0);
  const again = await cli.call("rm a");
  assert.deepEqual([again.code, again.out], [0, ""]);
  assert.match(again.err, /Cannot find "a": it is neither an id nor an app here, there are no procs at all/);
});

test("wait prints the exit code and exits with it", async () => {
  await using cli = await startCli();
  cli.daemon.addProc({ id: "a" });
  const { io, code } = cli.begin("wait a");
  while (!cli.daemon.requests.some(({ url }) => url.includes("/wait"))) await io.sleep(5);
  cli.daemon.end("a", { code: 42 });
  assert.equal(await code, 42);
  assert.equal(io.stdout.text, "42\n");
  cli.daemon.addProc({ id: "b" });
  cli.daemon.end("b", { code: null, signal: "SIGKILL", reason: "signaled" });
  assert.equal((await cli.call("wait b")).code, 137);
  cli.daemon.addProc({ id: "c" });
  cli.daemon.end("c", { code: null, reason: "lost" });
  assert.equal((await cli.call("wait c")).code, 1);
});

test("wait gives up at its timeout, and knows what has run", async () => {
  await using cli = await startCli();
  cli.daemon.addProc({ id: "a" });
  const late = await cli.call("wait a --timeout 20ms");
  assert.equal(late.code, 1);
  assert.match(late.err, /Cannot wait for proc "a": it is running/);
  assert.deepEqual((await cli.call("wait a --until running")).out, "running\n");
});

test("events, wait and logs say why a proc failed", async () => {
  await using cli = await startCli();
  cli.daemon.addProc({ id: "a", startedAt: null });
  cli.daemon.end("a", { code: null, reason: "command", message: 'the program "x\u001b" cannot be found' });
  const why = 'the program "x\\x1b" cannot be found';
  assert.ok((await cli.call("events")).out.endsWith(`shop web.1 (a): ${why}\n`));
  const waited = await cli.call("wait a");
  assert.deepEqual([waited.code, waited.out, waited.err], [1, "1\n", `web.1 has ended, ${why}\n`]);
  for (const command of ["logs a", "logs shop", "logs -f a"]) {
    const { code, out, err } = await cli.call(command);
    assert.deepEqual([code, out, err], [0, "", `web.1 (a) never started: ${why}\n`], command);
  }
  assert.equal((await cli.call("wait a -q")).err, "");
  assert.equal((await cli.call("logs a --json")).err, "");
});

test("events prints what has happened", async () => {
  await using cli = await startCli();
  cli.daemon.addProc({ id: "a" });
  cli.daemon.end("a", { code: 2 });
  const { out } = await cli.call("events");
  assert.match(out, /^ {4}1 {2}2026-01-01T00:00:0\d\.000Z {2}fail\(2\) {4}shop web\.1 \(a\)\n$/);
  assert.equal(JSON.parse((await cli.call("events a --json")).out).seq, 1);
});

test("an id may be shortened, and what means nothing is told with what is near", async () => {
  await using cli = await startCli();
  cli.daemon.addProc({ id: "abcde1", app: "shop" });
  cli.daemon.addProc({ id: "abcdf2", app: "blog", name: "worker.1" });
  assert.equal((await cli.call("stop abcde")).code, 0);
  const ambiguous = await cli.call("stop abcd");
  assert.equal(ambiguous.code, 1);
  assert.match(ambiguous.err, /abcde1 \(web\.1\), abcdf2 \(worker\.1\)/);
  assert.match((await cli.call("logs shp")).err, /did you mean shop\?\n$/);
  assert.match((await cli.call("logs worker.1")).err, /but the name of abcdf2 \(blog\)\n$/);
  assert.match((await cli.call("logs zzzzzz")).err, /apps here: blog, shop\n$/);
});

test("stop and rm take no empty word, and no start of an id shorter than 4 letters", async () => {
  await using cli = await startCli();
  cli.daemon.addProc({ id: "p7" });
  cli.daemon.addProc({ id: "worker-7", app: "blog" });
  for (const command of ["stop", "rm"]) {
    const empty = await cli.call([command, ""]);
    assert.equal(empty.code, 2);
    assert.match(empty.err, /Cannot find "": it is empty, an id or an app was wanted\n$/);
    for (const word of ["p", "wor"]) {
      const short = await cli.call([command, word]);
      assert.equal(short.code, 1);
      assert.match(short.err, /only the start of that id, at least 4 letters were wanted\n$/);
    }
  }
  assert.equal(cli.daemon.requests.filter(({ method }) => method !== "GET").length, 0);
  assert.equal((await cli.call("logs p")).code, 0, "reading harms nobody");
  assert.equal((await cli.call("rm p7 work --grace 0")).code, 0);
  assert.equal(cli.daemon.entries.size, 0);
});

test("image push, ls and rm", async () => {
  await using cli = await startCli();
  const pushed = await cli.call(["image", "push", import.meta.dirname]);
  assert.equal(pushed.code, 0, pushed.err);
  const [digest] = pushed.io.stdout.lines;
  assert.match(digest ?? "", /^sha256:[0-9a-f]{64}$/);
  assert.match(pushed.out, /processes: none, it has no Procfile/);
  assert.equal((await cli.call("image ls -q")).out, `${digest}\n`);
  assert.match((await cli.call("image ls", { isTTY: true })).out, new RegExp(`\n${digest?.slice(0, 19)}  `));
  const removed = await cli.call(["image", "rm", digest?.slice(7, 15) ?? ""]);
  assert.equal(removed.out, `${digest} is removed\n`);
  assert.equal(cli.daemon.images.size, 0);
  assert.match((await cli.call("image rm 123")).err, /Cannot find image "123"/);
});

test("image pin keeps an image from image prune, which can tell first", async () => {
  await using cli = await startCli();
  const push = async () => (await cli.call(["image", "push", import.meta.dirname, "-q"])).out.trim();
  const digest = await push();
  assert.equal((await cli.call(["image", "pin", digest.slice(7, 15)])).out, `${digest} is pinned\n`);
  assert.match((await cli.call("image ls")).out, / {2}0 pinned {2}never {2}/);
  assert.match((await cli.call("image prune --all")).err, /No image is free to go/);
  assert.match((await cli.call("image unpin sha256:")).out, /is pinned no longer/);
  assert.match((await cli.call("image prune")).err, /The disk has room/);
  const { collection, ...rest } = cli.daemon.df;
  cli.daemon.df = { ...rest, collection: { ...collection, shortage: "all of them are young" } };
  assert.equal((await cli.call("image prune")).err, "all of them are young\n");
  const told = await cli.call("image prune --all -n");
  assert.equal(told.out, `${digest} would be removed\n`);
  assert.match(told.err, /^1 image, .* would be freed\n$/);
  assert.equal(cli.daemon.images.size, 1);
  assert.equal(JSON.parse((await cli.call("image prune --all --json")).out).images[0].digest, digest);
  assert.equal(cli.daemon.images.size, 0);
});

test("image push - takes an archive that is piped in, and no terminal", async () => {
  await using cli = await startCli();
  const archive = makeTar([{ name: "app.py", body: Buffer.from("print()\n") }]);
  const pushed = await cli.call("image push -", { stdin: archive.toString("ascii") });
  assert.equal(pushed.code, 0, pushed.err);
  const sum = createHash("sha256").update(archive).digest("hex");
  assert.match(pushed.out, new RegExp(`^sha256:${sum}\n`));
  assert.match(
    (await cli.call("image push -", { isTTY: true })).err,
    /Cannot read an archive from "-": that is/,
  );
});

test("an image is run by its digest as image ls shows it, unless something else is called so", async () => {
  await using cli = await startCli();
  const digest = (await cli.call(["image", "push", import.meta.dirname, "-q"])).out.trim();
  const short = digest.slice("sha256:".length, 19);
  assert.equal((await cli.call(["run", short, "-d", "-q", "--", "true"])).code, 0);
  const [created] = [...cli.daemon.entries.values()];
  assert.equal(created?.proc.image?.digest, digest);
  assert.match((await cli.call(["run", "0123456789", "--", "true"])).err, /Cannot find image "0123456789"/);
  await using directory = await mkdtempDisposable(join(tmpdir(), "sharku-cli-"));
  await mkdir(join(directory.path, short));
  const other = await cli.call(["run", short, "-d", "-q", "--", "true"], { cwd: directory.path });
  assert.equal(other.code, 0, other.err);
  const ran = [...cli.daemon.entries.values()].map(({ proc }) => proc.image?.digest);
  assert.equal(new Set(ran).size, 2);
});

test("image push of a URL tells who fetches it", async () => {
  await using cli = await startCli();
  const { err } = await cli.call("image push https://example.org/app.tar");
  assert.match(err, /the daemon fetches it by: sharku run https:\/\/example\.org\/app\.tar\n$/);
});

test("image push shows a bar on a terminal, and nothing with -q", async () => {
  await using cli = await startCli();
  const terminal = await cli.call(["image", "push", import.meta.dirname], { isTTY: true });
  assert.match(terminal.err.replaceAll(`\r${ESC}[K`, "<"), /<.*━/);
  assert.match(terminal.err, /Unpacking proc/);
  assert.match(terminal.err, /Sent proc \(.*\)\n$/);
  assert.equal((await cli.call(["image", "push", import.meta.dirname, "-q"])).err, "");
});

test("info", async () => {
  await using cli = await startCli();
  const { out } = await cli.call("info");
  assert.match(out, /hypervisor {2}fake\n/);
  assert.equal(JSON.parse((await cli.call("info --json")).out).name, "fake");
});
