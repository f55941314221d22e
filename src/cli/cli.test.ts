import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { FakeDaemon } from "../../test/fakes/daemon.ts";
import { captureIo } from "../../test/fakes/terminal.ts";
import { main } from "./cli.ts";
import { commands } from "./commands.ts";

async function call(argv: string, options: Parameters<typeof captureIo>[0] = {}) {
  const io = captureIo(options);
  const code = await main(argv.split(" ").filter(Boolean), io);
  return { code, io, out: io.stdout.text, err: io.stderr.text };
}

test("main() without words shows the commands", async () => {
  const { code, out, err } = await call("");
  assert.equal(code, 0);
  assert.equal(err, "");
  for (const command of commands)
    assert.ok(out.includes(`  ${command.path.join(" ")} `), command.path.join(" "));
  assert.match(out, /69 +cannot connect/);
});

test("main() has a help for each command, no line of it wider than 80 columns", async () => {
  for (const { path } of commands.filter((command) => command.path[0] !== "serve"))
    for (const argv of [`${path.join(" ")} --help`, `help ${path.join(" ")}`, `-h ${path.join(" ")}`]) {
      const { code, out } = await call(argv);
      assert.equal(code, 0, argv);
      assert.ok(out.includes(`sharku ${path.join(" ")}`), argv);
      for (const line of out.split("\n")) assert.ok(line.length <= 80, line);
    }
});

test("main() shows the commands of a noun that stands alone, as wrong usage", async () => {
  const alone = await call("image");
  assert.equal(alone.code, 2);
  assert.match(alone.out, /image push/);
  assert.equal((await call("image --help")).code, 0);
});

test("main() hands serve over with all its words", async () => {
  const io = captureIo();
  assert.equal(await main(["serve", "--listen", "127.0.0.1:1", "--help"], io), 0);
  assert.deepEqual(io.served, [["--listen", "127.0.0.1:1", "--help"]]);
});

test("main() prints the version", async () => {
  for (const argv of ["--version", "version", "-v"])
    assert.equal((await call(argv)).out, "sharku 1.2.3\n", argv);
  assert.equal((await call("--version --json")).out, '{"version":"1.2.3"}\n');
});

test("main() tells wrong usage in one line, with what was likely meant, and exits with 2", async () => {
  const wrongs: Record<string, RegExp> = {
    sp: /^sharku: Cannot find command "sp": .*did you mean ps\?$/,
    "image psuh": /did you mean image push\?$/,
    frobnicate: /see: sharku help$/,
    "ps --jsn": /Cannot take option "--jsn": .*did you mean --json\?$/,
    "ps --json=yes": /Cannot take --json "yes": the option has no value$/,
    "ps --app": /Cannot take --app: its value is missing/,
    "ps --app --json": /Cannot take --app: its value is missing/,
    "ps a b": /Cannot take argument "b": it is one too many/,
    "ps -- b": /Cannot take argument "b": it is one too many/,
    stop: /Cannot run "stop": an argument is missing, usage: sharku stop \[OPTIONS\] ID\|APP\.\.\.$/,
    "stop a --grace 10": /Cannot take --grace "10": a time such as 10s/,
    "stop a --signal TERM": /Cannot take --signal "TERM": one of SIGTERM/,
    "run . --memory lots": /Cannot take --memory "lots": a size such as 512M/,
    "run . python3 app.py": /Cannot take argument "python3": .*put a command and its words after --$/,
    "run . --label x": /Cannot take --label "x": NAME=value was wanted$/,
    "run . -c NOT_THERE": /your environment has no such variable/,
    run: /Cannot run nothing/,
    "run . --rm -d": /--rm and --detach/,
    "run . --app Shop": /Cannot take --app "Shop": a word of lower-case/,
    "run . --id a_b": /Cannot take --id "a_b"/,
    "run . -p web -- ls": /--process and a command/,
    "ps --socket /a --host b": /--socket and --host together/,
    "ps --host ftp://x": /Cannot take --host "ftp:\/\/x"/,
    "logs a --since soon": /Cannot take --since "soon"/,
    "--socket": /Cannot take "--socket" alone/,
  };
  for (const [argv, expected] of Object.entries(wrongs)) {
    const { code, out, err } = await call(argv);
    assert.equal(code, 2, argv);
    assert.equal(out, "", argv);
    assert.match(err.trimEnd(), expected, argv);
    assert.equal(err.trimEnd().split("\n").length, 1, argv);
  }
});

test("main() tells errors as JSON where JSON was asked for", async () => {
  const { code, err } = await call("ps --json --frob");
  assert.equal(code, 2);
  const problem = JSON.parse(err);
  assert.equal(problem.code, "cli-usage");
  assert.match(problem.detail, /--frob/);
});

test("main() says what was tried where no daemon listens, and exits with 69", async () => {
  const socket = await call("ps --socket /nowhere/sharku.sock");
  assert.equal(socket.code, 69);
  assert.equal(
    socket.err,
    'sharku: Cannot connect to the daemon at "/nowhere/sharku.sock": there is no such socket, start it with: sharku serve\n',
  );
  const file = await call("ps", { env: { SHARKU_SOCKET: "/etc/passwd" } });
  assert.equal(file.code, 69);
  assert.match(file.err, /"\/etc\/passwd"/);
  const json = await call("ps --json --socket /nowhere/sharku.sock");
  assert.equal(JSON.parse(json.err).code, "cli-unreachable");
});

test("main() finds the daemon by socket or host, given before or after the command or in the environment", async () => {
  const directory = await mkdtemp(join(tmpdir(), "sharku-cli-"));
  const socketPath = join(directory, "sharku.sock");
  const bySocket = await FakeDaemon.listen({ socketPath });
  const byHost = await FakeDaemon.listen({ port: 0 }, "secret");
  try {
    bySocket.addProc({ id: "at-socket" });
    byHost.addProc({ id: "at-host" });
    const host = byHost.baseUrl;
    const env = { SHARKU_TOKEN: "secret" };
    const ways: [argv: string, env: Record<string, string>, expected: string][] = [
      [`ps -q --socket ${socketPath}`, env, "at-socket"],
      [`--socket ${socketPath} ps -q`, env, "at-socket"],
      [`-q --socket=${socketPath} ps`, { SHARKU_HOST: host }, "at-socket"],
      [`--host ${host} ps -q`, env, "at-host"],
      [`ps --host ${host.slice("http://".length)} -q`, env, "at-host"],
      ["ps -q", { ...env, SHARKU_HOST: host, SHARKU_SOCKET: socketPath }, "at-host"],
      ["ps -q", { SHARKU_SOCKET: socketPath }, "at-socket"],
    ];
    for (const [argv, environment, expected] of ways) {
      const { out, err } = await call(argv, { env: environment });
      assert.equal(out, `${expected}\n`, `${argv} ${err}`);
    }
    const refused = await call(`ps --host ${host}`);
    assert.equal(refused.code, 1);
    assert.match(refused.err, /token/);
  } finally {
    await bySocket.close();
    await byHost.close();
    await rm(directory, { recursive: true });
  }
});
