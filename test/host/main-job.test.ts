import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import type { Proc, SharkuClient } from "../../src/client/client.ts";
import { until } from "../until.ts";
import { type Compression, EXAMPLES, packDirectory } from "./archive.ts";
import { startDaemon } from "./harness.ts";
import { assertSameFds, takeFdLedger } from "./ledger.ts";
import { ask, isGone, linesOf, runProc, untilExited, untilLine } from "./proc-calls.ts";

/** The main job: an app's archive comes in over REST, and isolated procs of it run and answer. */

interface Example {
  readonly app: string;
  readonly lines: Readonly<Record<"web" | "worker", string>>;
  readonly page: RegExp;
  readonly speaks: { readonly web: RegExp; readonly worker: RegExp };
  readonly goodbye: { readonly web: RegExp; readonly worker: RegExp };
}

const examples: readonly Example[] = [
  {
    app: "guestbook",
    lines: { web: "node web.js", worker: "node worker.js" },
    page: /Ahoy, you are visitor <strong>1<\/strong>/,
    speaks: { web: /^guestbook listens on port \d+$/, worker: /^heartbeat 1$/ },
    goodbye: {
      web: /^guestbook says goodbye after 1 visits$/,
      worker: /^guestbook worker says goodbye after heartbeat \d+$/,
    },
  },
  {
    app: "weather",
    lines: { web: "python3 web.py", worker: "python3 worker.py" },
    page: /in Minas Morgul/,
    speaks: { web: /^weather listens on port \d+$/, worker: /^measurement 1: -?\d+ degrees$/ },
    goodbye: { web: /^weather says goodbye$/, worker: /^weather worker says goodbye after measurement \d+$/ },
  },
];
const formats: readonly Compression[] = ["tar", "gzip", "zstd", "xz"];
const config = { GREETING: "Ahoy", TOWN: "Minas Morgul" };

test("an app's archive comes in, its processes run, answer, tell, and end as they are asked to", async (context) => {
  await using daemon = await startDaemon();
  const { client } = daemon;
  await client.info();
  const fds = await takeFdLedger(daemon.pid);

  for (const example of examples) {
    const { app, lines } = example;
    const digests = new Map<Compression, string>();
    for (const compression of formats) {
      await context.test(`${app} comes in as ${compression}`, async () => {
        const body = await packDirectory(join(EXAMPLES, app), { compression });
        const { digest } = await assertPush(daemon.baseUrl, {
          token: await daemon.token(),
          body,
          status: 201,
        });
        await assertPush(daemon.baseUrl, { token: await daemon.token(), body, status: 200 });
        const image = await client.getImage(digest);
        assert.deepEqual(image.processes, lines);
        assert.equal(image.bytes, body.length);
        digests.set(compression, digest);
      });
    }

    await context.test(`${app} runs as web and as worker, from each of them at once`, async () => {
      await Promise.all([...digests.values()].map((image) => assertRuns(client, example, image)));
    });
    for (const digest of digests.values()) await client.deleteImage(digest);
  }

  await context.test("the daemon holds no more files open than before", () => assertSameFds(fds, daemon.pid));
});

async function assertRuns(client: SharkuClient, example: Example, image: string): Promise<void> {
  const { app, page, speaks, goodbye } = example;
  const [web, worker] = await Promise.all([
    runProc(client, { app, name: "web.1", process: "web", image, config }),
    runProc(client, { app, name: "worker.1", process: "worker", image, config }),
  ]);
  await untilLine(client, web.id, speaks.web);
  const answer = await ask(web);
  assert.match(answer, page);
  assert.match(answer, new RegExp(`port ${web.port}`));
  await untilLine(client, worker.id, speaks.worker);
  await assertSaysGoodbye(client, web, goodbye.web);
  await assertSaysGoodbye(client, worker, goodbye.worker);
  for (const { id } of [web, worker]) {
    await client.deleteProc(id);
    await until("it is gone", () => isGone(client, id));
  }
}

async function assertPush(
  baseUrl: string,
  { token, body, status }: { token: string; body: Uint8Array<ArrayBuffer>; status: number },
): Promise<{ digest: string }> {
  const response = await fetch(`${baseUrl}/v1/images`, {
    ...{ method: "POST", body, headers: { authorization: `Bearer ${token}` } },
  });
  const image: unknown = await response.json();
  assert.equal(response.status, status, JSON.stringify(image));
  assert(typeof image === "object" && image !== null && "digest" in image);
  assert.equal(response.headers.get("location"), `/v1/images/${image.digest}`);
  return { digest: String(image.digest) };
}

async function assertSaysGoodbye(client: SharkuClient, { id }: Proc, goodbye: RegExp): Promise<void> {
  await client.stopProc(id);
  const { state, exit } = await untilExited(client, id);
  const lines = await linesOf(client, id);
  assert.match(lines.at(-1) ?? "", goodbye, `it said:\n${lines.join("\n")}`);
  assert.deepEqual(
    { state, code: exit?.code, reason: exit?.reason, killed: exit?.killed },
    { state: "done", code: 0, reason: "stopped", killed: false },
  );
}
