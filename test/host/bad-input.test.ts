import assert from "node:assert/strict";
import { test } from "node:test";
import { badArchives, tarOf } from "./bad-archives.ts";
import { startDaemon, type TestDaemon } from "./harness.ts";
import { assertSame, assertSameFds, takeFdLedger, takeLedger } from "./ledger.ts";
import { linesOf, runProc, untilExited } from "./proc-calls.ts";
import { type RawAnswer, type RawCall, rawBytes, rawCall } from "./raw-call.ts";

const good = { app: "shop", name: "web.1", command: "true" };
const NO_DIGEST = `sha256:${"0".repeat(64)}`;
const MIB = 2 ** 20;

/** Bodies of POST /v1/procs, each with the status, the code and the pointer of what is wrong. */
const bodies: readonly (readonly [body: unknown, status: number, code: string, pointer?: string])[] = [
  [{}, 400, "invalid-request", "/app"],
  [{ app: "shop", command: "true" }, 400, "invalid-request", "/name"],
  [{ ...good, nmae: "x" }, 400, "invalid-request", "/nmae"],
  [{ ...good, app: "Shop" }, 400, "invalid-request", "/app"],
  [{ ...good, app: "../x" }, 400, "invalid-request", "/app"],
  [{ ...good, app: 7 }, 400, "invalid-request", "/app"],
  [{ ...good, name: "n".repeat(64) }, 400, "invalid-request", "/name"],
  [{ ...good, command: [] }, 400, "invalid-request", "/command"],
  [{ ...good, command: "" }, 400, "invalid-request", "/command"],
  [{ ...good, command: "a\0b" }, 400, "invalid-request", "/command"],
  [{ app: "shop", name: "web.1" }, 400, "invalid-request", "/command"],
  [{ ...good, config: { "not a name": "x" } }, 400, "invalid-request", "/config/not a name"],
  [{ ...good, config: { PORT: 80 } }, 400, "invalid-request", "/config/PORT"],
  [{ ...good, limits: { memoryBytes: -1 } }, 400, "invalid-request", "/limits/memoryBytes"],
  [{ ...good, limits: { memoryBytes: "512M" } }, 400, "invalid-request", "/limits/memoryBytes"],
  [{ ...good, limits: { pids: 2.5 } }, 400, "invalid-request", "/limits/pids"],
  [{ ...good, limits: { disks: 1 } }, 400, "invalid-request", "/limits/disks"],
  [{ ...good, stop: { signal: "SIGSTOP" } }, 400, "invalid-request", "/stop/signal"],
  [{ ...good, stop: { graceMs: 2 ** 53 } }, 400, "invalid-request", "/stop/graceMs"],
  [{ ...good, network: { mode: "bridge" } }, 400, "invalid-request", "/network/mode"],
  [{ ...good, image: "sha256:short" }, 400, "invalid-request", "/image"],
  [{ ...good, callback: "ftp://host/" }, 400, "invalid-request", "/callback"],
  [{ ...good, labels: { "": "x" } }, 400, "invalid-request", "/labels/"],
  [[], 400, "invalid-request"],
  [null, 400, "invalid-request"],
  ["a string", 400, "invalid-request"],
  [{ ...good, image: NO_DIGEST }, 422, "unknown-image", "/image"],
  [{ ...good, template: "no-such" }, 422, "unknown-template", "/template"],
  [{ app: "shop", name: "web.1", process: "web" }, 422, "unknown-process", "/process"],
  [{ ...good, callback: "http://169.254.169.254/latest" }, 422, "bad-callback", "/callback"],
  [{ ...good, callback: "http://[::ffff:169.254.1.1]/" }, 422, "bad-callback", "/callback"],
];

const json = { "content-type": "application/json" };
const post = { method: "POST", path: "/v1/procs", headers: json };

/** Other calls, each with the status and the code of its refusal. */
const calls: readonly (readonly [title: string, call: RawCall, status: number, code: string])[] = [
  ["broken JSON", { ...post, body: '{"app":' }, 400, "invalid-json"],
  ["an empty body", { ...post, body: "" }, 400, "invalid-json"],
  ["a prototype in the body", { ...post, body: '{"__proto__":{"app":"x"}}' }, 400, "invalid-json"],
  ["a body that nests without end", { ...post, body: "[".repeat(500_000) }, 400, "invalid-json"],
  [
    "another content type",
    { ...post, headers: { "content-type": "text/plain" }, body: "{}" },
    415,
    "unsupported-media-type",
  ],
  [
    "a form",
    { ...post, headers: { "content-type": "application/x-www-form-urlencoded" }, body: "app=x" },
    415,
    "unsupported-media-type",
  ],
  [
    "a body of more than 1 MiB",
    { ...post, headers: { ...json, "content-length": String(2 * MIB) }, body: "{" },
    413,
    "body-too-large",
  ],
  ["a proc that is not there", { method: "GET", path: "/v1/procs/none" }, 404, "proc-not-found"],
  ["a delete of what is not there", { method: "DELETE", path: "/v1/procs/none" }, 404, "proc-not-found"],
  ["logs of what is not there", { method: "GET", path: "/v1/procs/none/logs" }, 404, "proc-not-found"],
  ["an id that is none", { method: "GET", path: "/v1/procs/..%2f..%2fetc" }, 400, "invalid-request"],
  ["an id with a NUL", { method: "GET", path: "/v1/procs/a%00b" }, 400, "invalid-request"],
  [
    "an id in capitals",
    { method: "PUT", path: "/v1/procs/ABC", headers: json, body: JSON.stringify(good) },
    400,
    "invalid-request",
  ],
  ["an unknown parameter", { method: "GET", path: "/v1/procs?colour=red" }, 400, "invalid-request"],
  ["a parameter out of range", { method: "GET", path: "/v1/procs?limit=0" }, 400, "invalid-request"],
  ["a cursor that is none", { method: "GET", path: "/v1/procs?cursor=nonsense" }, 400, "invalid-request"],
  ["an image that is not there", { method: "GET", path: `/v1/images/${NO_DIGEST}` }, 404, "image-not-found"],
  ["a template that is not there", { method: "GET", path: "/v1/templates/none" }, 404, "template-not-found"],
  ["a path that is none", { method: "GET", path: "/v1/nothing" }, 404, "no-such-call"],
  ["a path with a broken escape", { method: "GET", path: "/v1/procs/%zz" }, 400, "invalid-request"],
  ["a method that the path has not", { method: "DELETE", path: "/v1/procs" }, 405, "method-not-allowed"],
  ["a method that nobody has", { method: "PROPFIND", path: "/v1/procs" }, 405, "method-not-allowed"],
];

test("what is not right is refused, told where it is wrong, and leaves nothing", async (context) => {
  await using daemon = await startDaemon();
  const { client, places } = daemon;
  const socket = { socketPath: places.socket };
  const network = { host: "127.0.0.1", port: places.listenPort };
  await rawCall(socket, { method: "GET", path: "/v1/info" });
  const [before, fds] = [await takeLedger(places), await takeFdLedger(daemon.pid)];

  for (const [body, status, code, pointer] of bodies) {
    const text = JSON.stringify(body);
    await context.test(`${status} for ${text.slice(0, 80)}`, async () => {
      const problem = assertProblem(await rawCall(socket, { ...post, body: text }), { status, code });
      if (pointer !== undefined)
        assert.deepEqual(problem.errors?.[0]?.pointer, pointer, JSON.stringify(problem));
    });
  }

  for (const [title, call, status, code] of calls) {
    await context.test(`${status} for ${title}`, async () => {
      const answer = await rawCall(socket, call);
      assertProblem(answer, { status, code });
      if (status === 405) assert.equal(answer.headers["allow"], "POST, GET");
    });
  }

  for (const [title, body, status, code] of await badArchives()) {
    await context.test(`${status} for an archive: ${title}`, async () => {
      const call = { method: "POST", path: "/v1/images", body };
      assertProblem(await rawCall(socket, call), { status, code });
    });
  }

  await context.test("a caller on TCP needs the token", async () => {
    await assertGuarded(daemon);
  });

  await context.test("what is no whole HTTP is answered as such", async () => {
    assert.match(await rawBytes(network, "GET /v1/info HTTP/1.0\r\n\r\n"), /^HTTP\/1\.1 403 /);
    assert.match(await rawBytes(network, "GET /v1/info HTTP/1.1\r\n\r\n"), /^HTTP\/1\.1 400 /);
    assert.match(await rawBytes(network, "\x16\x03\x01hello\r\n\r\n"), /^HTTP\/1\.1 400 /);
    assert.match(
      await rawBytes(socket, `GET / HTTP/1.1\r\nX: ${"x".repeat(40_000)}\r\n\r\n`),
      /^HTTP\/1\.1 400 /,
    );
  });

  await context.test("nothing of all that is left", async () => {
    assert.deepEqual((await client.listProcs()).items, []);
    assert.deepEqual((await client.listImages()).items, []);
    assert.deepEqual(await Array.fromAsync(client.events({ after: 0 })), []);
    await assertSame(before, places);
    await assertSameFds(fds, daemon.pid);
    assert.ok(daemon.isAlive);
  });
});

test("who sends too much is told so, and not just cut off", async () => {
  await using daemon = await startDaemon();
  const config = { A: "x".repeat(3 * 2 ** 20) };
  for (let time = 0; time < 20; time += 1) {
    await assert.rejects(daemon.client.createProc({ app: "big", name: "web.1", command: "true", config }), {
      code: "body-too-large",
    });
  }
});

test("an archive's odd names and modes come to no harm", async () => {
  await using daemon = await startDaemon();
  const { client } = daemon;
  const names = ["-rf", "--help", "$(touch evil)", "new\nline", "\u202etxt.exe", "a b", "'", '"', "\\"];
  const members = names.map((name) => ({ name, content: name }));
  const setuid = { name: "setuid", content: "#!/bin/sh\nid -u\n", mode: 0o6755 };
  const { digest, files } = await client.pushImage(new Uint8Array(tarOf([...members, setuid])));
  assert.equal(files, members.length + 1);
  const script =
    "import os;print(sorted(os.listdir('.')));print(oct(os.stat('setuid').st_mode));print(os.getuid())";
  const { id } = await runProc(client, { image: digest, command: ["python3", "-c", script] });
  await untilExited(client, id);
  const [list = "", mode, uid] = await linesOf(client, id);
  assert.equal(list.split(", ").length, names.length + 1);
  assert.deepEqual([mode, uid], ["0o100755", "1000"]);
});

interface Problem {
  readonly status: number;
  readonly code: string;
  readonly type: string;
  readonly title: string;
  readonly detail: string;
  readonly errors?: readonly { readonly pointer: string; readonly detail: string }[];
}

function assertProblem(answer: RawAnswer, wanted: { status: number; code: string }): Problem {
  assert.equal(answer.status, wanted.status, answer.text);
  assert.equal(answer.headers["content-type"]?.split(";")[0], "application/problem+json");
  const problem: Problem = JSON.parse(answer.text);
  assert.deepEqual({ status: problem.status, code: problem.code }, wanted);
  assert.ok(problem.type.endsWith(`/${wanted.code}`) && problem.title !== "");
  assert.match(problem.detail, /^(Cannot|The) .*[^.]$/s);
  assert.doesNotMatch(answer.text, /node_modules|\.ts:\d|at Object\./);
  return problem;
}

async function assertGuarded(daemon: TestDaemon): Promise<void> {
  const where = { host: "127.0.0.1", port: daemon.places.listenPort };
  const secret = await daemon.token();
  const get = async (headers: Record<string, string>, path = "/v1/info") =>
    await rawCall(where, { method: "GET", path, headers });
  const bearer = { authorization: `Bearer ${secret}` };
  const basic = (text: string) => ({ authorization: `Basic ${Buffer.from(text).toString("base64")}` });

  for (const headers of [bearer, basic(`anybody:${secret}`), { authorization: `bearer ${secret}` }])
    assert.equal((await get(headers)).status, 200);
  const refused = [
    ...[{}, { authorization: "" }, { authorization: secret }, { authorization: `Bearer ${secret}x` }],
    ...[{ authorization: `Bearer ${secret.slice(1)}` }, basic(secret), basic(`${secret}:`), basic("a:b")],
  ];
  for (const headers of refused) {
    const answer = await get(headers);
    assertProblem(answer, { status: 401, code: "unauthorized" });
    assert.match(answer.headers["www-authenticate"] ?? "", /^Bearer/);
  }
  for (const path of ["/livez", "/readyz"]) assert.equal((await get({}, path)).status, 200);
  for (const path of ["/v1/procs", "/v1/events", "/v1/images"])
    assert.equal((await get({}, path)).status, 401);

  for (const host of ["evil.example", "evil.example:80", "127.0.0.1.evil.example", "localhost.evil.example"])
    assertProblem(await get({ ...bearer, host }), { status: 403, code: "foreign-host" });
  for (const origin of ["http://evil.example", "null", "http://127.0.0.1:1"])
    assertProblem(await get({ ...bearer, origin }), { status: 403, code: "foreign-origin" });
}
