import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { startCli } from "../../../test/fakes/cli-call.ts";
import { until } from "../../../test/until.ts";

async function makeDirectory(files: Record<string, string> = {}) {
  const path = await mkdtemp(join(tmpdir(), "sharku-template-"));
  for (const [name, text] of Object.entries(files)) await writeFile(join(path, name), text);
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true }) };
}

const CLEAR_LINE = "\r\u001b[K";

type Cli = Awaited<ReturnType<typeof startCli>>;

/** The body of the last call that was no mere look. */
function lastBody(cli: Cli): unknown {
  return JSON.parse(cli.daemon.requests.findLast(({ method }) => method === "POST")?.body ?? "null");
}

test("template create builds by debootstrap, tells each phase in a line, then what was made", async () => {
  await using cli = await startCli();
  const argv = "template create py --debootstrap bookworm --packages python3,git -p curl";
  const { code, out, err } = await cli.call(argv);
  assert.equal(code, 0, err);
  assert.deepEqual(lastBody(cli), {
    name: "py",
    debootstrap: { suite: "bookworm", packages: ["python3", "git", "curl"] },
  });
  assert.equal(err, "Building py: downloading, 10%\nBuilding py: installing, 60%\nBuilt py (0.0s)\n");
  assert.equal(
    out,
    "py is ready: made by a fake\n  version  v1\n  size     191M, 9000 files\n" +
      "  use      sharku run . --template py\n",
  );
});

test("template create puts every option into the call", async () => {
  await using cli = await startCli();
  await using dir = await makeDirectory({ "setup.sh": "#!/bin/sh\nadduser x\n" });
  const cwd = dir.path;
  const calls: [argv: string, expected: object][] = [
    [
      "d --debootstrap noble --mirror http://mirror/ubuntu --variant buildd --components main,universe " +
        "--arch arm64 --keyring keys.gpg --replace",
      {
        replace: true,
        debootstrap: {
          suite: "noble",
          mirror: "http://mirror/ubuntu",
          variant: "buildd",
          components: ["main", "universe"],
          arch: "arm64",
          keyring: `${cwd}/keys.gpg`,
        },
      },
    ],
    [
      "d --directory /srv/root --bind /opt/java:/opt/java --bind lib:/usr/lib/x",
      {
        directory: {
          path: "/srv/root",
          binds: [
            { source: "/opt/java", destination: "/opt/java" },
            { source: `${cwd}/lib`, destination: "/usr/lib/x" },
          ],
        },
      },
    ],
    ["d --directory .", { directory: { path: cwd } }],
    [
      "d --from py -p flask --run setup.sh --network none",
      { from: { template: "py", packages: ["flask"], script: "#!/bin/sh\nadduser x\n", network: "none" } },
    ],
    ["d --from py --run setup.sh", { from: { template: "py", script: "#!/bin/sh\nadduser x\n" } }],
    ["d --from py --run -", { from: { template: "py", script: "touch /a\n" } }],
  ];
  for (const [argv, expected] of calls) {
    await cli.call(`template create ${argv}`, { cwd, stdin: "touch /a\n" });
    assert.deepEqual(lastBody(cli), { name: "d", ...expected }, argv);
    await cli.call("template rm d");
  }
});

test("template create sends an archive, of a file or of stdin", async () => {
  await using cli = await startCli();
  await using dir = await makeDirectory({ "root.tar": "x".repeat(2048) });
  const sent = await cli.call("template create box --archive root.tar", { cwd: dir.path });
  assert.equal(sent.code, 0, sent.err);
  assert.match(sent.err, /^Sending root\.tar \(about 2K\)\nSent root\.tar \(2K in 0\.0s\)\nBuilding box/);
  const piped = await cli.call("template create box --archive - --replace -q", { stdin: "abc" });
  assert.deepEqual([piped.code, piped.out, piped.err], [0, "box\n", ""]);
  const [first, second] = cli.daemon.requests;
  assert.deepEqual(
    [first?.method, first?.url, first?.body.length],
    ["PUT", "/v1/templates/box/archive", 2048],
  );
  assert.deepEqual([second?.url, second?.body], ["/v1/templates/box/archive?replace=true", "abc"]);
});

test("template create draws a bar on a terminal, and with --json passes the records on", async () => {
  await using cli = await startCli();
  const argv = "template create py --debootstrap bookworm";
  const terminal = await cli.call(`${argv} --no-color`, { isTTY: true });
  const drawn = terminal.err.split(CLEAR_LINE);
  assert.equal(drawn[1], "Building py  ━━──────────────────  10%  downloading  Retrieving libc6");
  for (const line of drawn) assert.ok(line.length <= 80, line);
  const json = await cli.call(`${argv} --replace --json`);
  assert.equal(json.err, "");
  const records = json.io.stdout.lines.map((line) => JSON.parse(line));
  assert.deepEqual(
    records.map((record) => Object.keys(record)[0]),
    ["progress", "progress", "template"],
  );
  assert.equal(records.at(-1).template.name, "py");
});

test("template create ends the build at Ctrl-C and says so", async () => {
  await using cli = await startCli();
  const { io, code } = cli.begin("template create py --debootstrap endless");
  await io.stderr.until("installing");
  assert.ok(io.interrupt());
  assert.equal(await code, 130);
  assert.match(io.stderr.text, /sharku: Cannot create template "py": interrupted, the build is ended\n$/);
  await until("the daemon sees the caller gone", () => cli.daemon.templates.abandoned === 1);
  assert.equal(io.interrupt(), false, "the next one ends the command itself");
});

test("template create says so where the daemon goes away amid the build", async () => {
  await using cli = await startCli();
  const { io, code } = cli.begin("template create py --debootstrap endless");
  await io.stderr.until("installing");
  cli.daemon.cutConnections();
  assert.equal(await code, 69);
  assert.match(
    io.stderr.text,
    /"py": the daemon has gone away amid the build, which ended with it, build it again\n$/,
  );
});

test("template create tells why a build failed, in one line", async () => {
  await using cli = await startCli();
  const failed = await cli.call("template create py --debootstrap failing", { isTTY: true });
  assert.equal(failed.code, 1);
  assert.equal(
    failed.err.split(CLEAR_LINE).at(-1),
    "sharku: Cannot build: debootstrap stopped: W: Failure; E: \\x1b[31mno space\\x1b[0m\n",
  );
  const json = await cli.call("template create py --debootstrap no-such --json");
  assert.equal(JSON.parse(json.err).code, "unknown-suite");
  assert.equal((await cli.call("template ls -q")).out, "host\n");
});

test("template create names what is wrong on the command line, and calls nobody", async () => {
  await using cli = await startCli();
  await using dir = await makeDirectory({ empty: " \n", "a.py": "#!/usr/bin/python3\n" });
  const wrongs: [argv: string, code: number, expected: RegExp][] = [
    ["d", 2, /of nothing: one of --debootstrap, --archive, --directory and --from was wanted\n$/],
    ["d --from a --debootstrap b", 2, /Cannot take --debootstrap and --from together/],
    ["d --from a", 2, /from "a" as it is: --packages or --run was wanted/],
    ["d --from a --mirror http://x", 2, /Cannot take --mirror with --from: it goes with --debootstrap\n$/],
    [
      "d --directory . --packages a",
      2,
      /--packages with --directory: it goes with --debootstrap and --from\n$/,
    ],
    ["d --archive a --bind a:/b", 2, /--bind with --archive: it goes with --directory\n$/],
    ["Box --from a -p b", 2, /Cannot take template name "Box": a word of lower-case letters/],
    ["d --debootstrap -x", 2, /Cannot take --debootstrap: its value is missing/],
    ["d --debootstrap=-x", 2, /Cannot take --debootstrap "-x": a suite such as bookworm was wanted\n$/],
    [
      "d --debootstrap a --packages b,--c",
      2,
      /--packages "--c": names of packages such as python3 were wanted\n$/,
    ],
    ["d --debootstrap a --packages=,", 2, /--packages ",": names of packages/],
    ["d --debootstrap a --mirror ftp://x", 2, /--mirror "ftp:\/\/x": an address such as http/],
    ["d --debootstrap a --mirror http://u:p@x/", 2, /--mirror "http:\/\/u:p@x\/": an address/],
    ["d --debootstrap a --variant tiny", 2, /--variant "tiny": one of minbase, buildd, standard was wanted/],
    ["d --debootstrap a --arch AMD64", 2, /--arch "AMD64": a name such as amd64 was wanted/],
    ["d --directory .,x", 2, /--directory "\/.*,x": a path of the daemon's host, without commas/],
    ["d --directory . --bind /a", 2, /Cannot take --bind "\/a": two paths were wanted/],
    ["d --directory . --bind /a:b", 2, /Cannot take --bind "\/a:b": two paths were wanted/],
    ["d --from a --run nowhere.sh", 1, /Cannot read script "nowhere\.sh": there is no such file/],
    ["d --from a --run empty", 1, /Cannot run script "empty": it is empty/],
    ["d --from a --run a.py", 1, /"a\.py": it is for \/usr\/bin\/python3, one for the template's \/bin\/sh/],
    ["d --from a --run empty --network all", 2, /--network "all": one of host, none was wanted/],
    ["d --from a -p b --network none", 2, /--network without --run: it bounds what the script may reach\n$/],
    ["d --archive nowhere.tar", 1, /Cannot read archive "nowhere\.tar": there is no such file/],
    ["d --archive .", 1, /Cannot read archive "\.": it is a directory, --directory takes one/],
  ];
  for (const [argv, code, expected] of wrongs) {
    const result = await cli.call(`template create ${argv}`, { cwd: dir.path });
    assert.match(result.err, expected, argv);
    assert.equal(result.err.trimEnd().split("\n").length, 1, argv);
    assert.equal(result.code, code, argv);
  }
  const terminal = await cli.call("template create d --archive -", { isTTY: true });
  assert.match(terminal.err, /from "-": that is the terminal, a pipe or a file was wanted\n$/);
  assert.equal(cli.daemon.requests.length, 0);
});

test("template create tells a fault that the daemon finds by the option and its value", async () => {
  await using cli = await startCli();
  const argv = "template create d --directory /faulty --bind /a:/b --bind /nowhere:/c";
  const { code, err } = await cli.call(argv);
  assert.equal(code, 1);
  assert.match(err, /"\/faulty": --bind "\/nowhere" is not there \(--directory is no root\)\n$/);
  assert.equal(
    JSON.parse((await cli.call(`${argv} --json`)).err).errors[0].pointer,
    "/directory/binds/1/source",
  );
});

test("template create says how to go on where the name is taken", async () => {
  await using cli = await startCli();
  cli.daemon.templates.add({ name: "py" });
  const { code, err } = await cli.call("template create py --debootstrap bookworm");
  assert.equal(code, 1);
  assert.match(err, /there is one of that name; here: --replace makes its next version\n$/);
});

test("template ls shows what is ready, and what is being built", async () => {
  await using cli = await startCli();
  const build = { phase: "unpacking", percent: 42, message: "", startedAt: "2026-01-01T00:59:00Z" } as const;
  cli.daemon.templates.add({
    name: "new",
    state: "building",
    version: null,
    createdAt: null,
    bytes: null,
    build,
  });
  cli.daemon.templates.add({ name: "py", procs: 2, build });
  const { io } = await cli.call("template ls");
  assert.deepEqual(io.stdout.lines, [
    "NAME  KIND         STATE                 SIZE  AGE  PROCS  DESCRIPTION",
    "host  host         ready                 -     1h   0      the host's own /usr",
    "new   debootstrap  building(42%)         -     -    0      made by a fake",
    "py    debootstrap  ready, building(42%)  191M  1h   2      made by a fake",
  ]);
  assert.equal((await cli.call("template ls -q")).out, "host\nnew\npy\n");
});

test("template inspect tells what it is made of, what it lacks with the cure, and its versions", async () => {
  await using cli = await startCli();
  cli.daemon.templates.add({
    name: "py",
    procs: 1,
    source: {
      debootstrap: {
        suite: "bookworm",
        mirror: "http://deb.debian.org/debian",
        variant: "minbase",
        packages: ["python3"],
        components: ["main"],
        arch: "amd64",
        keyring: null,
      },
    },
    checks: [
      { name: "shell", status: "ok", found: "/bin/sh runs" },
      { name: "certificates", status: "warn", found: "none" },
    ],
    versions: [
      { version: "v2", createdAt: "2026-01-01T00:50:00Z", procs: 0 },
      { version: "v1", createdAt: "2026-01-01T00:00:00Z", procs: 1 },
    ],
  });
  const { code, out } = await cli.call("template inspect py");
  assert.equal(code, 0);
  assert.match(out, /^name +py\nkind +debootstrap\nstate +ready, used by 1 proc\n/);
  assert.match(out, /\nsuite +bookworm \(minbase\)\nmirror +http:\/\/deb.debian.org\/debian\n/);
  assert.match(out, /\nChecks\n {2}ok {4}shell {9}\/bin\/sh runs\n {2}warn {2}certificates {2}none\n/);
  assert.match(out, /cure: sharku template create py --from py --packages ca-certificates --replace\n/);
  assert.match(out, /\nVERSION {2}AGE {2}PROCS\nv2 {7}10m {2}0\nv1 {7}1h {3}1\n$/);
  assert.equal(JSON.parse((await cli.call("template inspect py --json")).out).name, "py");
});

test("template inspect and rm tell what is near where there is none of that name", async () => {
  await using cli = await startCli();
  cli.daemon.templates.add({ name: "python" });
  for (const verb of ["inspect", "rm"]) {
    const near = await cli.call(`template ${verb} pythno`);
    assert.equal(near.code, 1);
    assert.match(
      near.err,
      /Cannot find template "pythno": there is none of that name, did you mean python\?\n$/,
    );
    assert.match((await cli.call(`template ${verb} zzz`)).err, /templates here: host, python\n$/);
    assert.equal((await cli.call(["template", verb, "../x"])).code, 2);
  }
});

test("template rm removes what nobody uses, and says who does", async () => {
  await using cli = await startCli();
  for (const name of ["py", "java", "used"]) cli.daemon.templates.add({ name });
  cli.daemon.addProc({ id: "a", template: "used" });
  assert.equal((await cli.call("template rm py java")).out, "py is removed\njava is removed\n");
  const used = await cli.call("template rm used");
  assert.equal(used.code, 1);
  assert.match(used.err, /Cannot remove template "used": 1 procs use it; see: sharku ps\n$/);
  assert.match((await cli.call("template rm host")).err, /it is part of Sharku\n$/);
  assert.equal((await cli.call("template ls -q")).out, "host\nused\n");
});

test("template rm removes the others where one cannot be, and fails", async () => {
  await using cli = await startCli();
  for (const name of ["py", "java"]) cli.daemon.templates.add({ name });
  const { code, out, err } = await cli.call("template rm py nowhere host java");
  assert.deepEqual([code, out], [1, "py is removed\njava is removed\n"]);
  assert.match(
    err,
    /^sharku: Cannot find template "nowhere": .*\nsharku: Cannot remove template "host": .*\n$/,
  );
  cli.daemon.templates.add({ name: "py" });
  const json = await cli.call("template rm nowhere py --json");
  assert.deepEqual([json.code, JSON.parse(json.out)], [1, ["py"]]);
});

test("template inspect names the place where something is lacking", async () => {
  await using cli = await startCli();
  const checks = [{ name: "certificates", status: "warn", found: "none" } as const];
  const source = { directory: { path: "/srv/root", binds: [] } };
  cli.daemon.templates.add({ name: "dir", kind: "directory", checks, source });
  const archive = { digest: `sha256:${"0".repeat(64)}`, bytes: 1 };
  cli.daemon.templates.add({ name: "box", kind: "archive", checks, source: { archive } });
  const dir = await cli.call("template inspect dir");
  assert.match(dir.out, /cure: put ca-certificates into \/srv\/root, where the daemon runs\n/);
  const box = await cli.call("template inspect box");
  assert.match(
    box.out,
    /cure: put ca-certificates into the archive, or where it has apt-get: sharku template/,
  );
});

test("run looks for its template before it sends anything", async () => {
  await using cli = await startCli();
  await using dir = await makeDirectory({ Procfile: "web: serve\n" });
  cli.daemon.templates.add({ name: "python" });
  cli.daemon.templates.add({ name: "new", state: "building" });
  const near = await cli.call(["run", dir.path, "--template", "pyhton"]);
  assert.deepEqual([near.code, /did you mean python\?\n$/.test(near.err)], [1, true], near.err);
  const early = await cli.call(["run", dir.path, "--template", "new"]);
  assert.match(early.err, /Cannot run on template "new": it is being built/);
  assert.equal(cli.daemon.images.size, 0);
});
