import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { appendFile, mkdtemp, readdir, rm, stat, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import type { LogRecord } from "../contract/event.ts";
import { systemClock } from "../lib/clock.ts";
import { type LogRoom, openLogs } from "./logs.ts";
import type { ReadQuery } from "./read-log.ts";

const T = (second: number) => `2026-11-23T18:45:${String(second).padStart(2, "0")}.000000007`;
const out = (second: number, text: string, mark = "F") => `${T(second)}+00:00 stdout ${mark} ${text}\n`;
const err = (second: number, text: string, mark = "F") => `${T(second)}+00:00 stderr ${mark} ${text}\n`;

/** Appends lines in torn pieces to a first run's file, then to a second's; of two streams, some in parts. */
const WRITER = `
  const { appendFileSync } = require("node:fs");
  const [first, second] = process.argv.slice(1);
  let seed = 42;
  const random = (below) => (seed = (seed * 1103515245 + 12345) % 2147483648) % below;
  const sleep = (ms) => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
  const write = (file, text) => {
    for (let at = 0; at < text.length; ) {
      const length = 1 + random(400);
      appendFileSync(file, text.slice(at, at + length));
      at += length;
      if (random(10) === 0) sleep(random(4));
    }
  };
  let time = 1000000000;
  const line = (stream, mark, text) => "2026-01-01T00:00:00." + time++ % 1e9 + "+00:00 " + stream + " " + mark + " " + text + "\\n";
  for (const [file, count] of [[first, 120], [second, 120]]) {
    let text = "";
    for (let i = 0; i < count; i += 1) {
      const stream = ["stdout", "stderr"][random(2)];
      if (random(4) === 0) text += line(stream, "P", "part" + i + " ");
      if (random(4) === 0) text += line(stream === "stdout" ? "stderr" : "stdout", "P", "other" + i + " ");
      text += line(stream, "F", "text" + i + " " + "x".repeat(random(300)));
    }
    write(file, text + line("stdout", "P", "the last words"));
  }
`;

describe("openLogs()", () => {
  let top: string;
  let room: LogRoom;
  let procs = 0;
  const never = new AbortController().signal;
  before(async () => {
    top = await mkdtemp(join(tmpdir(), "sharku-logs-"));
    room = await openLogs({ dir: join(top, "logs"), clock: systemClock });
  });
  after(() => rm(top, { recursive: true, force: true }));

  async function logOf(...runs: (string | Buffer)[]): Promise<{ procId: string; files: string[] }> {
    const procId = `proc-${procs++}`;
    const files: string[] = [];
    for (const [index, text] of runs.entries()) {
      const file = await room.prepare(procId, { id: `run${index}`, number: index + 1 });
      await writeFile(file, text);
      files.push(file);
    }
    return { procId, files };
  }
  const readAll = (procId: string, query: ReadQuery = {}) => Array.fromAsync(room.read(procId, query, never));
  const lines = async (procId: string, query: ReadQuery = {}) => (await readAll(procId, query)).map(textOf);
  const ended = () => true;

  test("prepare() makes closed directories, and names that sort by run", async () => {
    const file = await room.prepare("sorted", { id: "abc", number: 12 });
    assert.equal(file, join(top, "logs", "sorted", "00012-abc.log"));
    assert.equal((await stat(join(top, "logs", "sorted"))).mode & 0o777, 0o700);
  });

  test("remove() forgets a log, and again; sweep() keeps those of the living only", async () => {
    const [kept, gone, removed] = [
      await logOf(out(1, "a")),
      await logOf(out(1, "b")),
      await logOf(out(1, "c")),
    ];
    await room.remove(removed.procId);
    await room.remove(removed.procId);
    await room.sweep([kept.procId]);
    assert.deepEqual(await lines(gone.procId), []);
    assert.deepEqual(await readdir(join(top, "logs")), [kept.procId]);
  });

  test("read() tells time in UTC with nanoseconds, stream, line and cursor, run after run", async () => {
    const { procId } = await logOf(
      "2026-11-23T20:45:39.516772077+02:00 stdout F a b\n",
      err(2, "") + out(3, "c\r"),
    );
    assert.deepEqual(await readAll(procId), [
      { time: "2026-11-23T18:45:39.516772077Z", stream: "stdout", line: "a b", cursor: "1.49" },
      { time: "2026-11-23T18:45:02.000000007Z", stream: "stderr", line: "", cursor: "2.46" },
      { time: "2026-11-23T18:45:03.000000007Z", stream: "stdout", line: "c\r", cursor: "2.94" },
    ]);
  });

  test("read() joins parts stream by stream, and resumes amid them without loss", async () => {
    const { procId } = await logOf(
      out(1, "one ", "P") + err(2, "E") + out(3, "two ", "P") + err(4, "F") + out(5, "three"),
    );
    const records = await readAll(procId);
    assert.deepEqual(records.map(textOf), ["E", "F", "one two three"]);
    for (const [index, { cursor }] of records.entries())
      assert.deepEqual(await readAll(procId, { after: cursor }), records.slice(index + 1), cursor);
  });

  test("read() tells bytes that are not UTF-8 in base64, and control characters as they are", async () => {
    const bytes = Buffer.from([0xff, 0x00, 0x1b, 0x5b]);
    const { procId } = await logOf(
      Buffer.concat([Buffer.from(out(1, "").slice(0, -1)), bytes, Buffer.from(`\n${out(2, "\x1b[1m\0")}`)]),
    );
    const [first, second] = await readAll(procId);
    assert.deepEqual([first?.line, first?.lineBase64], [undefined, bytes.toString("base64")]);
    assert.deepEqual([second?.line, second?.lineBase64], ["\x1b[1m\0", undefined]);
  });

  test("read() cuts a line of 8 MB into bounded records, all of it there", async () => {
    const part = "y".repeat(8000);
    const { procId } = await logOf(out(1, part, "P").repeat(1000) + out(2, "end") + out(3, "next"));
    const records = await readAll(procId);
    const longest = Math.max(...records.map((record) => textOf(record).length));
    assert.ok(longest <= 72_000, String(longest));
    assert.equal(records.slice(0, -1).map(textOf).join(""), `${part.repeat(1000)}end`);
    assert.equal(records.map(textOf).at(-1), "next");
    assert.deepEqual(await readAll(procId, { after: records[3]?.cursor ?? "" }), records.slice(4));
  });

  test("read() tells a line that is none of the supervisor's as system, and all around it", async () => {
    const { procId } = await logOf(`${out(1, "a")}torn by a full disk\n${out(2, "b")}`);
    const records = await readAll(procId);
    assert.deepEqual(
      records.map((record) => [record.stream, record.line]),
      [
        ["stdout", "a"],
        ["system", "torn by a full disk"],
        ["stdout", "b"],
      ],
    );
    const noNewline = await logOf(Buffer.alloc(300_000, "z"));
    assert.equal((await lines(noNewline.procId, { ended })).join("").length, 300_000);
  });

  test("read() lets unfinished lines wait while the run may go on, and tells them when it has ended", async () => {
    const text = out(1, "a") + err(2, "E1 ", "P") + out(3, "b ", "P") + err(4, "E2", "P");
    const { procId } = await logOf(`${text}2026-11-23T18`);
    assert.deepEqual(await lines(procId), ["a"]);
    const records = await readAll(procId, { ended });
    assert.deepEqual(records.map(textOf), ["a", "2026-11-23T18", "b ", "E1 E2"]);
    for (const [index, { cursor }] of records.entries())
      assert.deepEqual(
        (await readAll(procId, { ended, after: cursor })).map(textOf),
        records.slice(index + 1).map(textOf),
      );
  });

  test("read() takes the last lines by tail, over runs, parts and streams", async () => {
    const first = Array.from({ length: 3000 }, (_, index) => out(1, `${index} ${"z".repeat(100)}`)).join("");
    const { procId } = await logOf(first, err(2, "e1 ", "P") + out(3, "o1") + err(4, "e2") + out(5, "o2"));
    const all = await readAll(procId);
    for (const tail of [1, 2, 3, 4, 1000, 3002, 3003, 3004, 9999])
      assert.deepEqual(await readAll(procId, { tail }), all.slice(-tail), `tail ${tail}`);
    assert.deepEqual(await lines(procId, { tail: 0 }), []);
    assert.deepEqual(await lines(procId, { tail: 1, stream: "stderr" }), ["e1 e2"]);
    assert.deepEqual(await lines(procId, { tail: 5, stream: "stderr" }), ["e1 e2"]);
    assert.deepEqual(await lines(procId, { tail: 2, after: all.at(-2)?.cursor ?? "" }), ["o2"]);
    assert.deepEqual(await lines(procId, { tail: 1, after: all.at(-3)?.cursor ?? "" }), ["o2"]);
    assert.deepEqual(await lines("unknown", { tail: 5 }), []);
  });

  test("read() picks by since, until and stream", async () => {
    const { procId } = await logOf(
      [1, 2, 3, 4].map((second) => out(second, `o${second}`) + err(second, `e${second}`)).join(""),
    );
    assert.deepEqual(await lines(procId, { since: "2026-11-23T19:45:03+01:00", stream: "stdout" }), [
      "o3",
      "o4",
    ]);
    assert.deepEqual(await lines(procId, { until: "2026-11-23T18:45:02.000000007Z" }), [
      "o1",
      "e1",
      "o2",
      "e2",
    ]);
    assert.deepEqual(await lines(procId, { until: "2026-11-23T18:45:02.5Z", tail: 1, stream: "stderr" }), [
      "e2",
    ]);
  });

  for (const after of ["", "1", "1.x", "1.2.3", "-1.5", "1.2.1.0", "9".repeat(200)])
    test(`read() refuses the cursor "${after.slice(0, 20)}"`, () => {
      assert.throws(() => room.read("any", { after }, never), {
        code: "invalid-request",
        faults: [{ pointer: "?after", detail: "is no cursor of a log" }],
      });
    });

  test("lastLines() answers the last ones, among them what had no newline", async () => {
    const { procId } = await logOf(out(1, "a") + err(2, "b") + out(3, "panic", "P"));
    assert.deepEqual((await room.lastLines(procId, 2)).map(textOf), ["b", "panic"]);
    assert.deepEqual(await room.lastLines(procId, 0), []);
    assert.deepEqual(await room.lastLines("unknown", 3), []);
  });

  test("read() follows a writer of torn lines: every reader gets each line once, and resumes from every cursor", async () => {
    const { procId, files } = await logOf("", "");
    await rm(files[1] ?? "");
    const writer = spawn(process.execPath, ["-e", WRITER, ...files], { stdio: "inherit" });
    let done = false;
    const exit = once(writer, "exit").then(() => {
      done = true;
    });
    const follow = (query: ReadQuery) => readAll(procId, { follow: true, ended: () => done, ...query });
    const [whole, errors, ...others] = await Promise.all([
      follow({}),
      follow({ stream: "stderr" }),
      follow({ tail: 100_000 }),
      followSlowly(room.read(procId, { follow: true, ended: () => done }, never)),
      exit,
    ]);
    const expected = await readAll(procId, { ended });
    assert.deepEqual(
      expected.flatMap((record) => /text\d+/.exec(record.line ?? "")?.[0] ?? []),
      [0, 1].flatMap(() => Array.from({ length: 120 }, (_, index) => `text${index}`)),
    );
    assert.equal(expected.filter((record) => record.line?.endsWith("the last words")).length, 2);
    assert.deepEqual(whole, expected);
    assert.deepEqual(
      errors,
      expected.filter((record) => record.stream === "stderr"),
    );
    for (const other of others.slice(0, 2)) assert.deepEqual(other, expected);
    for (const [index, { cursor }] of expected.entries())
      assert.deepEqual(await readAll(procId, { after: cursor, ended }), expected.slice(index + 1), cursor);
  });

  test("read() that follows ends when its caller gives up, and when the log is removed", async () => {
    const { procId } = await logOf(out(1, "a"));
    const giveUp = new AbortController();
    const removed = readAll(procId, { follow: true });
    const seen: string[] = [];
    for await (const record of room.read(procId, { follow: true }, giveUp.signal)) {
      seen.push(textOf(record));
      setTimeout(() => giveUp.abort(), 30);
    }
    assert.deepEqual(seen, ["a"]);
    const alive = setInterval(() => undefined, 1000);
    await room.remove(procId);
    assert.deepEqual((await removed).map(textOf), ["a"]);
    clearInterval(alive);
  });

  test("read() that follows waits for the first run, starts over a truncated file, and sees its time pass", async () => {
    const procId = "late";
    let done = false;
    const seen: string[] = [];
    const alive = setInterval(() => undefined, 1000);
    const reading = (async () => {
      for await (const record of room.read(procId, { follow: true, ended: () => done }, never))
        seen.push(textOf(record));
    })();
    const file = await room.prepare(procId, { id: "run", number: 1 });
    await appendFile(file, out(1, "before"));
    await until(() => seen.length === 1);
    await truncate(file);
    await appendFile(file, out(2, "x"));
    await until(() => seen.length === 2);
    assert.deepEqual(seen, ["before", "x"]);
    assert.deepEqual(await lines(procId, { follow: true, until: "2026-11-23T18:45:01Z" }), []);
    done = true;
    await reading;
    clearInterval(alive);
  });
});

async function followSlowly(records: AsyncIterable<LogRecord>): Promise<LogRecord[]> {
  const all: LogRecord[] = [];
  for await (const record of records) {
    all.push(record);
    if (all.length % 50 === 0) await new Promise((resolve) => setTimeout(resolve, 5));
  }
  return all;
}

async function until(isSo: () => boolean): Promise<void> {
  for (let tries = 0; !isSo(); tries += 1) {
    assert.ok(tries < 500, "it did not happen in 5 s");
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

function textOf(record: LogRecord): string {
  return record.line ?? Buffer.from(record.lineBase64 ?? "", "base64").toString("latin1");
}
