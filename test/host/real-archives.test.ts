import assert from "node:assert/strict";
import { chmod, cp, link, mkdir, mkdtemp, open, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, suite, test } from "node:test";
import { gzipSync } from "node:zlib";
import { runCommand } from "../../src/lib/run-command.ts";
import { type Member, makeTar, paxHeader } from "../make-tar.ts";
import { EXAMPLES, outputOf } from "./archive.ts";
import { startDaemon, type TestDaemon } from "./harness.ts";
import { filesOf, listTree } from "./image-ledger.ts";
import { ask, runProc, untilLine } from "./proc-calls.ts";
import { assertRefused, assertTaken } from "./push-bytes.ts";

/** Archives as people have them: by the packers that there are, of apps as they are. Each comes out as it went in. */

const LONG = `${"long/".repeat(30)}${"name".repeat(40)}`;
const MODULES = 200;
const FILES_OF_MODULE = 50;

suite("archives as people pack them", () => {
  let daemon: TestDaemon;
  let dir: string;
  /** A small app with a hard link, links, an empty directory, a program and what only some formats can name. */
  let app: string;

  before(async () => {
    daemon = await startDaemon();
    dir = await mkdtemp("/var/tmp/sharku-real-");
    app = join(dir, "app");
    await cp(join(EXAMPLES, "guestbook"), app, { recursive: true });
    await mkdir(join(app, "empty"));
    await symlink("web.js", join(app, "start.js"));
    await symlink("../web.js", join(app, "empty", "up.js"));
    await link(join(app, "worker.js"), join(app, "worker-too.js"));
    await writeFile(join(app, "run"), "#!/bin/sh\nexec node web.js\n");
    await chmod(join(app, "run"), 0o755);
    await writeFile(join(app, "Übung – 練習.txt"), "text\n");
  });
  after(async () => {
    await daemon[Symbol.asyncDispose]();
    await rm(dir, { recursive: true });
  });

  /** What came out of it, but for owners and modes, which are the app's. */
  const takenOf = async (bytes: Uint8Array) =>
    plain(await listTree(filesOf(daemon.places.stateDir, await assertTaken(daemon, bytes))));
  const packed = (...argv: [string, ...string[]]) => outputOf(argv);
  const answers = async (bytes: Uint8Array) => {
    const image = await assertTaken(daemon, bytes);
    const web = await runProc(daemon.client, { image, process: "web" });
    await untilLine(daemon.client, web.id, /listens on port/);
    assert.equal(await ask(web, "/healthz"), "ok\n");
    await daemon.client.deleteProc(web.id, { graceMs: 0 });
  };

  for (const name of ["guestbook", "weather"])
    test(`examples/${name} is packed, comes in, runs and answers`, async () => {
      await answers(await packed("tar", "-cz", "-C", join(EXAMPLES, name), "."));
    });

  test("GNU tar: in each of its formats, with long names and holes", async () => {
    const wanted = plain(await listTree(app));
    for (const format of ["ustar", "gnu", "oldgnu", "pax", "v7"])
      if (format === "v7") {
        const old = await packed("tar", "-c", "--format=v7", "-C", app, ".");
        await assertNoMagic(old);
        await assertRefused(daemon, old, { status: 415, words: /wanted a tar archive/ });
      } else
        assert.deepEqual(
          await takenOf(await packed("tar", "-c", `--format=${format}`, "-C", app, ".")),
          wanted,
          format,
        );

    const odd = join(dir, "odd");
    await mkdir(join(odd, LONG, ".."), { recursive: true });
    await writeFile(join(odd, LONG), "far down\n");
    await symlink(LONG, join(odd, "link"));
    await makeSparse(join(odd, "holes"));
    const all = plain(await listTree(odd));
    for (const format of ["gnu", "oldgnu", "pax"])
      for (const sparse of [
        ["--sparse"],
        ["--sparse", "--sparse-version=0.0"],
        ["--sparse", "--sparse-version=0.1"],
        [],
      ]) {
        const argv = ["-c", `--format=${format}`, ...sparse, "-C", odd, "."];
        assert.deepEqual(await takenOf(await packed("tar", ...argv)), all, argv.join(" "));
      }
    assert.deepEqual(await takenOf(await packed("tar", "-c", "--xattrs", "--acls", "-C", odd, ".")), all);
  });

  test("bsdtar: in each of its formats that is tar, with holes", async () => {
    const wanted = plain(await listTree(app));
    const path = join(dir, "app.archive");
    for (const format of ["ustar", "gnutar", "pax", "paxr"])
      for (const compression of ["--gzip", "--zstd", "--xz", "--no-xattrs"]) {
        await runCommand(["bsdtar", "-c", compression, "--format", format, "-f", path, "-C", app, "."]);
        assert.deepEqual(await takenOf(await readFile(path)), wanted, `${format} ${compression}`);
      }
    const holes = join(dir, "only-holes");
    await mkdir(holes);
    await makeSparse(join(holes, "holes"));
    const sparse = await packed(
      "bsdtar",
      "-c",
      "--read-sparse",
      "--format",
      "pax",
      "-f",
      "-",
      "-C",
      holes,
      ".",
    );
    assert.ok(sparse.length < 2 ** 20, "it is packed with its holes");
    assert.deepEqual(await takenOf(sparse), plain(await listTree(holes)));
  });

  test("git archive: as the forges make them of a commit, which runs", async () => {
    const repository = join(dir, "repository");
    await cp(app, repository, { recursive: true });
    const git = (...args: string[]) =>
      runCommand(["git", "-C", repository, "-c", "user.name=t", "-c", "user.email=t@example.org", ...args]);
    await git("init", "--quiet");
    await git("add", "--all");
    await git("commit", "--quiet", "--message", "all");
    for (const format of ["tar", "tar.gz"])
      await answers(await packed("git", "-C", repository, "archive", `--format=${format}`, "HEAD"));
  });

  test("compressors: members and frames in a row, as those make them that work in parallel", async () => {
    const wanted = plain(await listTree(app));
    const path = join(dir, "app.tar");
    await writeFile(path, await packed("tar", "-c", "-C", app, "."));
    const tar = await readFile(path);
    const thirds = [0, 1, 2].map((part) =>
      tar.subarray((tar.length * part) / 3, (tar.length * (part + 1)) / 3),
    );
    assert.deepEqual(await takenOf(Buffer.concat(thirds.map((part) => gzipSync(part)))), wanted);
    for (const program of ["zstd", "xz", "gzip"] as const) {
      const parts: Uint8Array[] = [];
      for (const [index, part] of thirds.entries()) {
        const piece = join(dir, `part-${index}`);
        await writeFile(piece, part);
        parts.push(await packed(program, "--stdout", piece));
      }
      assert.deepEqual(await takenOf(Buffer.concat(parts)), wanted, program);
    }
    for (const [program, ...options] of [
      ["zstd", "-19", "--long=27"],
      ["zstd", "--no-check"],
      ["gzip", "-1"],
      ["xz", "-9"],
      ["xz", "--block-size=4096"],
    ] as const)
      assert.deepEqual(
        await takenOf(await packed(program, ...options, "--stdout", path)),
        wanted,
        `${program} ${options}`,
      );
  });

  test("a Mac: with its side files, and headers that nobody else knows", async () => {
    const web: Member = { name: "./Procfile", body: Buffer.from("web: node web.js\n") };
    const script = { name: "./web.js", body: await readFile(join(app, "web.js")), mode: 0o755 };
    const side = (name: string): Member => ({
      name: `./._${name}`,
      body: Buffer.from("00051607000200004d6163204f532058", "hex"),
    });
    const headers = {
      "LIBARCHIVE.creationtime": "1700000000.123456789",
      "LIBARCHIVE.xattr.com.apple.quarantine": "MDA4MTs=",
      "SCHILY.xattr.com.apple.FinderInfo": Buffer.alloc(32, 1),
      mtime: "1700000000.5",
      "SCHILY.fflags": "nodump",
      comment: "Übung",
    };
    const global: Member = { ...paxHeader({ comment: "a commit" }), type: "g" };
    const members = [
      global,
      side("Procfile"),
      paxHeader(headers),
      web,
      side("web.js"),
      paxHeader(headers),
      script,
    ];
    const tar = makeTar(members);
    await answers(tar);
    const names = (await takenOf(tar)).map((line) => line.split("\t")[0]);
    assert.deepEqual(names, ["", "._Procfile", "._web.js", "Procfile", "web.js"]);
  });

  test("a Node app with ten thousand files of modules comes in, runs and answers", async () => {
    const big = join(dir, "big");
    await makeNodeApp(big);
    const bytes = await packed("tar", "-c", "--gzip", "-C", big, ".");
    const { digest, files } = await daemon.client.pushImage(bytes);
    assert.ok(files > MODULES * FILES_OF_MODULE, `${files}`);
    const web = await runProc(daemon.client, { image: digest, process: "web" });
    await untilLine(daemon.client, web.id, /listens/);
    assert.equal(await ask(web), `${MODULES} modules say ${(MODULES * (MODULES - 1)) / 2}\n`);
  });
});

function plain(lines: readonly string[]): string[] {
  return lines.map((line) => line.replace(/\t(\S) (?:[0-7]+ )?\d+:\d+/, "\t$1"));
}

/** The format of 1979 tells nowhere what it is. */
async function assertNoMagic(bytes: Uint8Array): Promise<void> {
  assert.notEqual(Buffer.from(bytes).toString("latin1", 257, 262), "ustar");
}

/** Eight MiB, of which two blocks are not a hole. */
async function makeSparse(path: string): Promise<void> {
  const file = await open(path, "w");
  await file.truncate(8 * 2 ** 20);
  for (const at of [2 ** 20, 5 * 2 ** 20]) await file.write(Buffer.alloc(4096, "data"), 0, 4096, at);
  await file.close();
}

/** Small real modules that need one another, and their commands as links in .bin, as npm installs them. */
async function makeNodeApp(dir: string): Promise<void> {
  const modules = join(dir, "node_modules");
  await mkdir(join(modules, ".bin"), { recursive: true });
  for (let number = 0; number < MODULES; number += 1) {
    const own = join(modules, `@scope-${number % 10}`, `module-${number}`);
    await mkdir(join(own, "lib"), { recursive: true });
    await writeFile(
      join(own, "package.json"),
      JSON.stringify({ name: `module-${number}`, main: "lib/0.js" }),
    );
    for (let file = 0; file < FILES_OF_MODULE; file += 1)
      await writeFile(
        join(own, "lib", `${file}.js`),
        `module.exports = ${number};\n// ${"x".repeat(file * 20)}\n`,
      );
    await chmod(join(own, "lib", "0.js"), 0o755);
    await symlink(
      `../@scope-${number % 10}/module-${number}/lib/0.js`,
      join(modules, ".bin", `module-${number}`),
    );
  }
  await writeFile(join(dir, "Procfile"), "web: node web.js\n");
  await writeFile(join(dir, "web.js"), webSource);
}

const webSource = `
const numbers = Array.from({ length: ${MODULES} }, (_, number) =>
  require(\`@scope-\${number % 10}/module-\${number}\`));
const linked = numbers.filter((_, number) => require(\`./node_modules/.bin/module-\${number}\`) === number);
const sum = numbers.reduce((total, number) => total + number, 0);
require("node:http")
  .createServer((_, response) => response.end(\`\${linked.length} modules say \${sum}\\n\`))
  .listen(process.env.PORT, () => console.log("listens"));
`;
