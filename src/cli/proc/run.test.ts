import assert from "node:assert/strict";
import { chmod, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { startCli } from "../../../test/fakes/cli-call.ts";
import { until } from "../../../test/until.ts";
import type { ProcSpec } from "../../contract/proc.ts";
import { fitLabel, nextName } from "./run-plan.ts";

/** An app's directory that goes away with the test. */
async function makeApp(files: Record<string, string>, name = "My Shop") {
  const parent = await mkdtemp(join(tmpdir(), "sharku-run-"));
  const directory = join(parent, name);
  await mkdir(directory);
  for (const [path, text] of Object.entries(files)) {
    await mkdir(join(directory, path, ".."), { recursive: true });
    await writeFile(join(directory, path), text);
  }
  return { parent, directory, [Symbol.asyncDispose]: () => rm(parent, { recursive: true }) };
}

const procfile = "web: print hello\nworker: exit 3\nserver: stubborn\n";

test("run sends the directory, starts web, shows its log and exits with its code", async () => {
  await using cli = await startCli();
  await using app = await makeApp({ Procfile: procfile, "lib/a.js": "1", ".git/config": "secret" });
  const { code, out, err } = await cli.call(["run", app.directory]);
  assert.equal(code, 0, err);
  assert.equal(out, "hello\n");
  const [image] = cli.daemon.images.values();
  assert.equal(image?.files, 4, "., Procfile, lib and lib/a.js");
  const proc = cli.daemon.entries.get("p001")?.proc;
  assert.deepEqual([proc?.app, proc?.name, proc?.process], ["my-shop", "web.1", "web"]);
  assert.match(err, /^Sending My Shop \(about 10K\)\nSent My Shop \(10K in 0\.0s\)\n/);
});

test("run passes on the exit code of the process chosen", async () => {
  await using cli = await startCli();
  await using app = await makeApp({ Procfile: procfile });
  const { code, out, err } = await cli.call(["run", app.directory, "--process", "worker", "--app", "shop"]);
  assert.equal(code, 3);
  assert.equal(out, "");
  assert.match(err, /worker\.1 has ended, crashed, exit code 3\n$/);
});

test("run makes the same image of an unchanged directory", async () => {
  await using cli = await startCli();
  await using app = await makeApp({ Procfile: procfile, "b/z": "1", "a/y": "2" });
  for (let time = 0; time < 3; time += 1) await cli.call(["run", app.directory]);
  assert.equal(cli.daemon.images.size, 1);
});

test("run puts every option into the spec", async () => {
  await using cli = await startCli();
  await using app = await makeApp({ Procfile: procfile, "a.env": "# hi\nA=1\nB='two words'\n" });
  const argv = [
    ...["run", ".", "-d", "-q", "--id", "mine", "--name", "web.9", "--memory", "256M", "--cpus", "0.5"],
    ...[
      "--config-file",
      "a.env",
      "--config",
      "A=overridden",
      "-c",
      "FROM_ME",
      "--grace",
      "5s",
      "--stop-all",
      "--label",
      "r=v1",
    ],
    ...[
      "--callback",
      "http://127.0.0.1:1/x",
      "--network",
      "none",
      ...["--runtime", "runsc"],
      "--template",
      "host",
      "--",
      "serve",
      "--port",
      "$PORT",
    ],
  ];
  const { code, out, err } = await cli.call(argv, { cwd: app.directory, env: { FROM_ME: "yes" } });
  assert.equal(code, 0, err);
  assert.equal(out, "mine\n");
  const request = cli.daemon.requests.find(({ method }) => method === "PUT");
  assert.equal(request?.url, "/v1/procs/mine");
  const spec: ProcSpec = JSON.parse(request?.body ?? "");
  const [digest] = cli.daemon.images.keys();
  assert.deepEqual(spec, {
    app: "my-shop",
    name: "web.9",
    image: digest,
    command: ["serve", "--port", "$PORT"],
    template: "host",
    runtime: "runsc",
    callback: "http://127.0.0.1:1/x",
    config: { A: "overridden", B: "two words", FROM_ME: "yes" },
    labels: { r: "v1" },
    limits: { memoryBytes: 256 * 2 ** 20, cpus: 0.5 },
    stop: { graceMs: 5000, target: "all" },
    network: { mode: "none" },
  });
});

test("run takes a command in one word for a line of the shell, and needs no image", async () => {
  await using cli = await startCli();
  const { code, out } = await cli.call(["run", "--", "print a && b"]);
  assert.equal(code, 0);
  assert.equal(out, "a && b\n");
  const spec: ProcSpec = JSON.parse(cli.daemon.requests.find(({ method }) => method === "POST")?.body ?? "");
  assert.deepEqual(spec, { app: "print", name: "run.1", command: "print a && b" });
  await cli.call(["run", "-d", "--", "i=0; echo $i"]);
  assert.equal(cli.daemon.entries.get("p002")?.proc.app, "run");
});

test("run sends an archive as it is", async () => {
  await using cli = await startCli();
  await using app = await makeApp({ "shop-1.2.tar.gz": "" });
  const archive = join(app.directory, "shop-1.2.tar.gz");
  await writeFile(archive, new Uint8Array(10_240));
  const { code, err } = await cli.call(["run", archive, "-d", "--", "serve"]);
  assert.equal(code, 0, err);
  assert.equal(cli.daemon.entries.get("p001")?.proc.app, "shop-1.2");
  assert.equal([...cli.daemon.images.values()][0]?.bytes, 10_240);
});

test("run names an image by its URL or its digest, and sends nothing", async () => {
  await using cli = await startCli();
  const sha256 = "0".repeat(64);
  const { code, err } = await cli.call([
    ...["run", "https://example.org/a/Shop.tar.gz?sig=x", "--sha256", sha256, "-d"],
  ]);
  assert.equal(code, 0, err);
  const spec = cli.daemon.requests.findLast(({ method }) => method === "POST")?.body;
  assert.deepEqual(JSON.parse(String(spec)), {
    ...{ app: "shop", name: "web.1", process: "web" },
    image: { url: "https://example.org/a/Shop.tar.gz?sig=x", sha256 },
  });
  await using app = await makeApp({ Procfile: procfile });
  const digest = (await cli.call(["image", "push", app.directory, "-q"])).out.trim();
  const short = digest.slice(0, 20);
  assert.equal((await cli.call(["run", short, "-d", "-p", "worker"])).code, 0);
  assert.equal(cli.daemon.images.size, 1);
  for (const [argv, words] of [
    [["run", app.directory, "--sha256", sha256], /--sha256 with .*fetched by its URL/],
    [["run", "https://example.org/x", "--sha256", "zz"], /64 hexadecimal digits/],
    [["run", "sha256:0123"], /Cannot find image/],
    [["run", "ftp://example.org/x.tar"], /Cannot fetch "ftp:\/\/.*": an address such as https:/],
  ] as const)
    assert.match((await cli.call([...argv])).err, words);
});

test("run --detach tells where the proc is, and leaves it running", async () => {
  await using cli = await startCli();
  const { code, out } = await cli.call(["run", "-d", "--app", "shop", "--", "serve"]);
  assert.equal(code, 0);
  assert.match(out, /^run\.1 of shop is running\n {2}address http:\/\/127\.0\.0\.1:10000\n {2}id {6}p001\n/);
  const json = await cli.call(["run", "-d", "--json", "--app", "shop", "--", "serve"]);
  const proc = JSON.parse(json.out);
  assert.deepEqual([proc.id, proc.name, proc.state], ["p002", "run.2", "running"]);
});

test("run says which proc there is where the daemon goes away before it runs", async () => {
  await using cli = await startCli();
  const { io, code } = cli.begin("run -d --app shop -- never");
  await until("the command waits", () => cli.daemon.requests.some(({ url }) => url.includes("/wait")));
  cli.daemon.cutConnections();
  assert.equal(await code, 69);
  assert.match(
    io.stderr.text,
    /^sharku: Cannot see run\.1 "p001" start: the daemon has gone away, the proc exists/,
  );
});

test("run says in one line why a proc did not start", async () => {
  await using cli = await startCli();
  for (const argv of [
    ["run", "--", "missing"],
    ["run", "-d", "--", "missing"],
  ]) {
    const { code, out, err } = await cli.call(argv);
    assert.equal(code, 1);
    assert.equal(out, "");
    assert.match(err, /^sharku: Cannot start run\.1 "p00\d": the program "missing" cannot be found\n$/);
  }
});

test("run says what to do where it is not clear what to run, before it sends anything", async () => {
  await using cli = await startCli();
  await using bare = await makeApp({ "index.html": "hi" });
  const { code, err } = await cli.call(["run", bare.directory]);
  assert.equal(code, 1);
  assert.match(err, /the app has no Procfile, add one .*, or give a command after --\n$/);
  assert.equal(cli.daemon.requests.length, 0);
  const nowhere = await cli.call(["run", "/nowhere"]);
  assert.equal(nowhere.code, 1);
  assert.match(nowhere.err, /Cannot read "\/nowhere": there is no such file or directory/);
});

test("run names the processes that there are", async () => {
  await using cli = await startCli();
  await using app = await makeApp({ Procfile: "worker: exit 3\nclock: tick\n" });
  const { err } = await cli.call(["run", app.directory]);
  assert.match(
    err,
    /Cannot run process "web": the Procfile has worker, clock, choose one by --process worker/,
  );
  const near = await cli.call(["run", app.directory, "-p", "wroker"]);
  assert.match(near.err, /did you mean --process worker\?\n$/);
});

test("run says why a directory cannot be packed, and leaves no image behind", async () => {
  await using cli = await startCli();
  await using app = await makeApp({ Procfile: procfile, "bin/tar": "" });
  const tar = join(app.directory, "bin/tar");
  const run = () => cli.call(["run", app.directory], { env: { PATH: `${app.directory}/bin:/usr/bin:/bin` } });
  await writeFile(tar, "#!/bin/sh\nprintf '%1000000s'\necho 'tar: ./x: Permission denied' >&2\nexit 2\n", {
    mode: 0o755,
  });
  await chmod(tar, 0o755);
  const { code, err } = await run();
  assert.equal(code, 1);
  assert.match(err, /sharku: Cannot pack ".*My Shop": tar: \.\/x: Permission denied\n$/);
  assert.equal(cli.daemon.images.size, 0);
  await writeFile(
    tar,
    '#!/bin/sh\n/usr/bin/tar "$@"\necho "tar: ./x: file changed as we read it" >&2\nexit 1\n',
  );
  const changed = await run();
  assert.equal(changed.code, 0, changed.err);
  assert.match(changed.err, /changed while it was packed: tar: \.\/x: file changed as we read it\n/);
});

test("run says that there is no tar", async () => {
  await using cli = await startCli();
  await using app = await makeApp({ Procfile: procfile });
  const { code, err } = await cli.call(["run", app.directory], { env: { PATH: app.directory } });
  assert.equal(code, 1);
  assert.match(err, /tar cannot be run, GNU tar on the PATH was wanted\n$/);
});

test("run --rm forgets the proc when it has ended", async () => {
  await using cli = await startCli();
  const { code, out } = await cli.call(["run", "--rm", "--", "print", "hi"]);
  assert.equal(code, 0);
  assert.equal(out, "hi\n");
  assert.equal(cli.daemon.entries.size, 0);
});

test("run --json prints one record a line: the proc, its log, its end", async () => {
  await using cli = await startCli();
  const { out } = await cli.call(["run", "--json", "--", "print", "hi"]);
  const records = out
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));
  assert.deepEqual(
    records.map((record) => Object.keys(record)[0]),
    ["proc", "log", "proc"],
  );
  assert.equal(records[1].log.line, "hi");
  assert.equal(records[2].proc.exit.code, 0);
});

test("run sends the log's stdout and stderr to its own", async () => {
  await using cli = await startCli();
  const { io, code } = cli.begin(["run", "-q", "--", "serve"]);
  while (cli.daemon.entries.get("p001")?.proc.state !== "running") await io.sleep(5);
  cli.daemon.addLine("p001", "out");
  cli.daemon.addLine("p001", "err", { stream: "stderr" });
  cli.daemon.end("p001");
  assert.equal(await code, 0);
  assert.deepEqual([io.stdout.text, io.stderr.text], ["out\n", "err\n"]);
});

test("run stops the proc at Ctrl-C and shows its last words", async () => {
  await using cli = await startCli();
  const { io, code } = cli.begin(["run", "--", "serve"]);
  await io.stderr.until("Ctrl-C stops it");
  assert.equal(io.interrupt(), true);
  assert.equal(await code, 130);
  assert.equal(io.stdout.text, "goodbye\n");
  assert.match(
    io.stderr.text,
    /Stopping run\.1 \(Ctrl-C again kills it\)\nrun\.1 has ended, stopped as asked/,
  );
  assert.equal(io.interrupt(), false, "nobody listens any more");
});

test("run kills the proc at the second Ctrl-C", async () => {
  await using cli = await startCli();
  const { io, code } = cli.begin(["run", "--", "stubborn"]);
  await io.stderr.until("Ctrl-C stops it");
  io.interrupt();
  await io.stderr.until("Ctrl-C again kills it");
  while (cli.daemon.entries.get("p001")?.proc.state !== "stopping") await io.sleep(5);
  io.interrupt();
  assert.equal(io.interrupt(), false, "a third one would end the command");
  assert.equal(await code, 130);
  assert.equal(cli.daemon.entries.get("p001")?.proc.exit?.killed, true);
});

test("run goes on with the log after the connection was lost", async () => {
  await using cli = await startCli();
  const { io, code } = cli.begin(["run", "--", "serve"]);
  await io.stderr.until("Ctrl-C stops it");
  cli.daemon.addLine("p001", "one");
  await io.stdout.until("one\n");
  cli.daemon.cutConnections();
  cli.daemon.addLine("p001", "two");
  await io.stdout.until("two\n");
  cli.daemon.end("p001", { code: 7 });
  assert.equal(await code, 7);
  assert.equal(io.stdout.text, "one\ntwo\n");
});

test("fitLabel() makes a label of any text", () => {
  const fits = { "My Shop": "my-shop", Ünï: "n", "--x": "x", "": "app", "a_b.c-d": "a_b.c-d", "app/": "app" };
  for (const [text, label] of Object.entries(fits)) assert.equal(fitLabel(text), label, text);
  assert.equal(fitLabel("x".repeat(99)).length, 63);
});

test("nextName() takes the first number that is free", () => {
  assert.equal(nextName("web", new Set()), "web.1");
  assert.equal(nextName("web", new Set(["web.1", "web.3"])), "web.2");
});
