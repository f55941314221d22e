import assert from "node:assert/strict";
import { test } from "node:test";
import { PROGRAMS, packDirectory } from "./archive.ts";
import { startDaemon, type TestDaemon } from "./harness.ts";
import { ask, linesOf, runProc, untilExited, untilLine } from "./proc-calls.ts";

const COUNT = 20_000;

test("what an app prints is read, followed and resumed, in each form", async (context) => {
  await using daemon = await startDaemon();
  const { client } = daemon;
  const image = (await client.pushImage(await packDirectory(PROGRAMS))).digest;
  const web = await runProc(client, { image, command: ["python3", "obey.py"] });
  const numbered = (from: number, to: number) =>
    Array.from({ length: to - from + 1 }, (_, index) => `line ${from + index}`);

  await context.test("a follower sees every line of a burst once, and ends with the proc", async () => {
    const followed = Array.fromAsync(client.procLogs(web.id, { follow: true }));
    await untilLine(client, web.id, /^ready$/);
    await ask(web, `/print/${COUNT}`);
    await client.stopProc(web.id);
    await untilExited(client, web.id);
    const lines = (await followed).filter(({ stream }) => stream === "stdout").map(({ line }) => line);
    assert.deepEqual(lines, ["ready", ...numbered(1, COUNT)]);
    assert.deepEqual(await linesOf(client, web.id), lines);
  });

  await context.test(
    "after a cursor comes what is new since, also across a restart of the daemon",
    async () => {
      const all = await Array.fromAsync(client.procLogs(web.id));
      const at = all[COUNT / 2];
      assert(at !== undefined);
      await daemon.stop();
      await daemon.start();
      const rest = await Array.fromAsync(client.procLogs(web.id, { after: at.cursor }));
      assert.deepEqual(rest, all.slice(COUNT / 2 + 1));
    },
  );

  await context.test("tail gives the last ones", async () => {
    const last = await Array.fromAsync(client.procLogs(web.id, { tail: 3, stream: "stdout" }));
    assert.deepEqual(
      last.map(({ line }) => line),
      numbered(COUNT - 2, COUNT),
    );
  });

  await context.test("SSE numbers each record by its cursor, and Last-Event-ID resumes", async () => {
    const text = await read(daemon, { id: web.id, headers: { accept: "text/event-stream" } });
    const records = parseSse(text);
    assert.equal(records.filter(({ data }) => data.stream === "stdout").length, COUNT + 1);
    assert.ok(records.every(({ id, data }) => id === data.cursor));
    const last = await read(daemon, {
      id: web.id,
      headers: { accept: "text/event-stream", "last-event-id": records.at(-2)?.id ?? "" },
    });
    assert.deepEqual(parseSse(last), records.slice(-1));
  });

  await context.test("plain text is the app's own lines", async () => {
    const text = await read(daemon, {
      id: web.id,
      headers: { accept: "text/plain" },
      query: "?stream=stdout",
    });
    assert.equal(text, `ready\n${numbered(1, COUNT).join("\n")}\n`);
  });

  await context.test("stderr is told apart, and bytes that are no text come whole", async () => {
    const command = "printf 'caf\\351\\n'; echo oops >&2; printf 'no end'";
    const { id } = await runProc(client, { command });
    await untilExited(client, id);
    const records = (await Array.fromAsync(client.procLogs(id))).filter(({ stream }) => stream !== "system");
    const ofStream = (wanted: string) => records.filter(({ stream }) => stream === wanted);
    assert.deepEqual(
      ofStream("stderr").map(({ line }) => line),
      ["oops"],
    );
    assert.deepEqual(
      ofStream("stdout").map(({ line, lineBase64 }) => line ?? lineBase64),
      [Buffer.from("caf\xe9", "latin1").toString("base64"), "no end"],
    );
  });
});

async function read(
  daemon: TestDaemon,
  { id, headers, query = "" }: { id: string; headers: Record<string, string>; query?: string },
): Promise<string> {
  const response = await fetch(`${daemon.baseUrl}/v1/procs/${id}/logs${query}`, {
    headers: { ...headers, authorization: `Bearer ${await daemon.token()}` },
  });
  assert.equal(response.status, 200);
  assert.equal(response.headers.get("content-type")?.split(";")[0], headers["accept"]);
  return await response.text();
}

function parseSse(text: string): { id: string; data: { stream: string; cursor: string } }[] {
  const blocks = text.split("\n\n").filter((block) => block !== "" && !block.startsWith(":"));
  return blocks.map((block) => {
    const [, id, data] = /^id: (.*)\ndata: (.*)$/.exec(block) ?? assert.fail(`no record: ${block}`);
    return { id: id ?? "", data: JSON.parse(data ?? "") };
  });
}
